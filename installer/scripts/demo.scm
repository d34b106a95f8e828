; One edit of one photo: what was there before, after, the mask between, and the layers.

(define (select-head image x y side)
  (if (> side 0)
      (gimp-image-select-ellipse image CHANNEL-OP-REPLACE x y side side)))

(define (demo in out text neutral strength disentanglement x y side)
  (let* ((image (open-photo in))
         (photo (photo-of image)))
    (save-visible image (string-append out "before.png"))
    (select-head image x y side)
    (text-edit RUN-NONINTERACTIVE image photo text neutral strength disentanglement)
    (gimp-selection-none image)
    (save-mask image (top-of image) (string-append out "mask.png"))
    (save-xcf image (string-append out "edited.xcf"))
    (save-visible image (string-append out "after.png"))
    (gimp-message "PENTIMENTO-DEMO-DONE")))

(define (demo-dialog in text neutral strength disentanglement x y side)
  (let* ((image (open-photo in))
         (photo (photo-of image)))
    (select-head image x y side)
    (text-edit RUN-INTERACTIVE image photo text neutral strength disentanglement)
    (gimp-message "PENTIMENTO-DEMO-DONE")))
