; GIMP 2.10's words for what demo.scm does.

(define (open-photo file)
  (car (gimp-file-load RUN-NONINTERACTIVE file file)))

(define (photo-of image)
  (car (gimp-image-get-active-drawable image)))

(define (top-of image)
  (aref (cadr (gimp-image-get-layers image)) 0))

(define (text-edit mode image photo text neutral strength disentanglement)
  (plug-in-pentimento-text-edit mode image photo text neutral strength disentanglement "" "auto" 0))

(define (save-png image drawable file)
  (file-png-save RUN-NONINTERACTIVE image drawable file file 0 3 0 0 0 0 0))

(define (save-visible image file)
  (save-png image (car (gimp-layer-new-from-visible image image "visible")) file))

(define (save-mask image layer file)
  (save-png image (car (gimp-layer-get-mask layer)) file))

(define (save-xcf image file)
  (gimp-xcf-save RUN-NONINTERACTIVE image (top-of image) file file))
