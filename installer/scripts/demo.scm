; One edit of one photo: what was there before, after, the mask between, and the layers.

(define (select-head image x y side)
  (if (> side 0)
      (gimp-image-select-ellipse image CHANNEL-OP-REPLACE x y side side)))

(define (demo in out recipe x y side)
  (let* ((image (open-photo in))
         (photo (photo-of image)))
    (save-visible image (string-append out "before.png"))
    (select-head image x y side)
    (apply-recipe image photo recipe)
    (gimp-selection-none image)
    (save-mask image (top-of image) (string-append out "mask.png"))
    (save-xcf image (string-append out "edited.xcf"))
    (save-visible image (string-append out "after.png"))
    (gimp-message "PENTIMENTO-DEMO-DONE")))

(define (demo-dialog in x y side)
  (let* ((image (open-photo in))
         (photo (photo-of image)))
    (select-head image x y side)
    (edit-by-dialog image photo)
    (gimp-message "PENTIMENTO-DEMO-DONE")))
