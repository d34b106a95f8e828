; GIMP 3's words for what demo.scm does.

(define (open-photo file)
  (car (gimp-file-load RUN-NONINTERACTIVE file)))

(define (photo-of image)
  (vector-ref (car (gimp-image-get-selected-drawables image)) 0))

(define (top-of image)
  (vector-ref (car (gimp-image-get-layers image)) 0))

(define (apply-recipe image photo recipe)
  (plug-in-pentimento-apply #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector photo) #:recipe recipe))

(define (edit-by-dialog image photo)
  (plug-in-pentimento-text-edit #:run-mode RUN-INTERACTIVE #:image image #:drawables (vector photo)))

(define (save-visible image file)
  (gimp-file-save RUN-NONINTERACTIVE image file))

(define (save-mask image layer file)
  (gimp-edit-copy (vector (car (gimp-layer-get-mask layer))))
  (gimp-file-save RUN-NONINTERACTIVE (car (gimp-edit-paste-as-new-image)) file))

(define (save-xcf image file)
  (gimp-file-save RUN-NONINTERACTIVE image file))
