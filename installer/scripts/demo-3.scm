; GIMP 3's words for what demo.scm does.

(define (open-photo file)
  (car (gimp-file-load RUN-NONINTERACTIVE file)))

(define (photo-of image)
  (vector-ref (car (gimp-image-get-selected-drawables image)) 0))

(define (top-of image)
  (vector-ref (car (gimp-image-get-layers image)) 0))

(define (text-edit mode image photo text neutral strength disentanglement)
  (plug-in-pentimento-text-edit #:run-mode mode #:image image #:drawables (vector photo)
    #:text text #:neutral neutral #:strength strength #:disentanglement disentanglement))

(define (save-visible image file)
  (gimp-file-save RUN-NONINTERACTIVE image file))

(define (save-mask image layer file)
  (gimp-edit-copy (vector (car (gimp-layer-get-mask layer))))
  (gimp-file-save RUN-NONINTERACTIVE (car (gimp-edit-paste-as-new-image)) file))

(define (save-xcf image file)
  (gimp-file-save RUN-NONINTERACTIVE image file))
