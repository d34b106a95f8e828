; GIMP 2.10's words for what demo.scm does.

(define (open-photo file)
  (car (gimp-file-load RUN-NONINTERACTIVE file file)))

(define (photo-of image)
  (car (gimp-image-get-active-drawable image)))

(define (top-of image)
  (aref (cadr (gimp-image-get-layers image)) 0))

(define (apply-recipe image photo recipe)
  (plug-in-pentimento-apply RUN-NONINTERACTIVE image photo recipe "auto" 0))

; A dialog asks for everything itself, but this language wants every argument: texts and numbers that nobody reads.
(define (blanks name)
  (let loop ((at (- (list-ref (gimp-procedural-db-proc-info name) 6) 1)) (all '()))
    (if (< at 3)
        all
        (loop (- at 1)
              (cons (if (= PDB-STRING (car (gimp-procedural-db-proc-arg name at))) "" 0) all)))))

(define (edit-by-dialog image photo)
  (apply plug-in-pentimento-text-edit RUN-INTERACTIVE image photo (blanks "plug-in-pentimento-text-edit")))

(define (save-png image drawable file)
  (file-png-save RUN-NONINTERACTIVE image drawable file file 0 3 0 0 0 0 0))

(define (save-visible image file)
  (save-png image (car (gimp-layer-new-from-visible image image "visible")) file))

(define (save-mask image layer file)
  (save-png image (car (gimp-layer-get-mask layer)) file))

(define (save-xcf image file)
  (gimp-xcf-save RUN-NONINTERACTIVE image (top-of image) file file))
