; What the tests ask of GIMP 2.10. Facts go to a file as lines “name value”; pixels to PNG or TIFF, which keep
; every bit of 8 and 16-bit integers and of 32-bit floats.

(define image -1)
(define photo -1)
(define facts-file "")

(define (fact name value)
  (let ((port (open-output-file (string-append facts-file name))))
    (display value port)
    (close-output-port port)))

(define (op-open file)
  (set! image (car (gimp-file-load RUN-NONINTERACTIVE file file)))
  (set! photo (car (gimp-image-get-active-layer image))))

(define (op-precision precision)
  (gimp-image-convert-precision image precision))

(define (op-grey) (gimp-image-convert-grayscale image))

(define (op-indexed)
  (gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 64 FALSE FALSE ""))

(define (op-select x y width height)
  (gimp-image-select-ellipse image CHANNEL-OP-REPLACE x y width height))

(define (op-offset x y) (gimp-layer-set-offsets photo x y))

(define (op-alpha) (gimp-layer-add-alpha photo))

(define (op-group)
  (let ((group (car (gimp-layer-group-new image))))
    (gimp-image-insert-layer image group 0 0)
    (gimp-image-reorder-item image photo group 0)))

(define (op-uppermost)
  (set! photo (aref (cadr (gimp-image-get-layers image)) 0)))

(define (op-lowest)
  (let ((layers (gimp-image-get-layers image)))
    (set! photo (aref (cadr layers) (- (car layers) 1)))))

(define (op-call mode arguments)
  (gimp-message (string-append "CALL-BEGINS"))
  (let ((done (catch 'failed
                (apply plug-in-pentimento-text-edit mode image photo arguments))))
    (gimp-message (if (eq? done 'failed) "CALL-FAILED" "CALL-SUCCEEDED"))))

; Layers inside the photo's parent, or at the top.
(define (siblings)
  (let ((parent (car (gimp-item-get-parent photo))))
    (if (= parent -1) (gimp-image-get-layers image) (gimp-item-get-children parent))))

(define (save drawable file)
  (if (or (= (car (gimp-image-get-precision image)) PRECISION-U8-GAMMA)
          (= (car (gimp-image-get-precision image)) PRECISION-U16-GAMMA))
      (file-png-save RUN-NONINTERACTIVE image drawable (string-append file ".png") "x" 0 1 0 0 0 0 0)
      (save-tiff drawable (string-append file ".tif"))))

; GIMP writes a TIFF as large as the image, so each drawable gets an image of its own.
(define (save-tiff drawable file)
  (let* ((own (car (gimp-image-new-with-precision
                     (car (gimp-drawable-width drawable)) (car (gimp-drawable-height drawable))
                     (if (= TRUE (car (gimp-drawable-is-gray drawable))) GRAY RGB)
                     (car (gimp-image-get-precision image)))))
         (copy (car (gimp-layer-new-from-drawable drawable own))))
    (gimp-image-insert-layer own copy 0 0)
    (gimp-layer-set-offsets copy 0 0)
    ; A mask must not gain an opaque alpha channel.
    (if (and (= FALSE (car (gimp-drawable-has-alpha drawable))) (= TRUE (car (gimp-drawable-has-alpha copy))))
        (gimp-layer-flatten copy))
    (file-tiff-save RUN-NONINTERACTIVE own copy file "x" 0)
    (gimp-image-delete own)))

; What an export would hold. “New from visible” would not do: it converts between profiles, which rounds.
(define (save-visible file)
  (let* ((copy (car (gimp-image-duplicate image)))
         (merged (car (gimp-image-merge-visible-layers copy CLIP-TO-IMAGE))))
    (gimp-layer-resize-to-image-size merged)
    (save merged file)
    (gimp-image-delete copy)))

(define (op-dump folder)
  (set! facts-file (string-append folder "/fact-"))
  (let* ((layers (siblings))
         (count (car layers))
         (bounds (gimp-selection-bounds image)))
    (fact "layers" count)
    (fact "selection" bounds)
    (fact "dirty" (car (gimp-image-is-dirty image)))
    (fact "profile-bytes" (car (gimp-image-get-color-profile image)))
    (fact "photo-name" (car (gimp-item-get-name photo)))
    (save photo (string-append folder "/photo"))
    (save (car (gimp-image-get-selection image)) (string-append folder "/selection"))
    (if (= FALSE (car (gimp-drawable-is-indexed photo)))
        (save-visible (string-append folder "/visible")))
    (if (> count 1) (dump-new (aref (cadr layers) 0) folder))
    (gimp-message "DUMPED")))

(define (dump-new layer folder)
  (let ((mask (car (gimp-layer-get-mask layer)))
        (offsets (gimp-drawable-offsets layer)))
    (fact "name" (car (gimp-item-get-name layer)))
    (fact "x" (car offsets))
    (fact "y" (cadr offsets))
    (fact "width" (car (gimp-drawable-width layer)))
    (fact "height" (car (gimp-drawable-height layer)))
    (fact "mask" (if (= mask -1) "none" "there"))
    (if (not (= mask -1)) (save mask (string-append folder "/mask")))
    (save layer (string-append folder "/new"))
    (fact "recipe" (catch "" (caddr (car (gimp-item-get-parasite layer "pentimento-recipe")))))))
