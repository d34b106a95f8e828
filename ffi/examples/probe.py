"""Checks the host layer inside GIMP 3 through the probe; see README.md. Ends with "probe.py: all good"."""

import struct

from gi.repository import Gegl, Gimp

NAME = "plug-in-pentimento-probe"
Type, Base, Precision, Mode = Gimp.ImageType, Gimp.ImageBaseType, Gimp.Precision, Gimp.RunMode


def call(image, drawables, mode=Mode.NONINTERACTIVE, **arguments):
    procedure = Gimp.get_pdb().lookup_procedure(NAME)
    config = procedure.create_config()
    config.set_property("run-mode", mode)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in arguments.items():
        config.set_property(name, value)
    answer = procedure.run(config)
    return answer.index(0), answer.index(1) if answer.length() > 1 else None


def done(*arguments, **named):
    status, sentence = call(*arguments, **named)
    assert status == Gimp.PDBStatusType.SUCCESS, sentence


def refused(word, *arguments, **named):
    status, sentence = call(*arguments, **named)
    assert status == Gimp.PDBStatusType.EXECUTION_ERROR and word in sentence, (status, sentence)


def values(drawable, x, y, width, height, form):
    area = Gegl.Rectangle.new(x, y, width, height)
    data = bytes(drawable.get_buffer().get(area, 1.0, form, Gegl.AbyssPolicy.NONE))
    return struct.unpack(f"{len(data) // 4}f", data)


def photo(base, precision, kind):
    image = Gimp.Image.new_with_precision(64, 48, base, precision)
    layer = Gimp.Layer.new(image, "photo", 40, 30, kind, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.set_offsets(10, -5)
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, 1, 1), "R'G'B' float", struct.pack("3f", 0.2, 0.4, 0.6))
    del buffer  # sends the tiles
    layer.update(0, 0, 40, 30)
    return image, layer


def names(image):
    return [(i.get_name(), [c.get_name() for c in i.get_children()] if i.is_group() else None)
            for i in image.get_layers()]


# Every precision: inverted pixels, a mask as it was written, a selection untouched. The tolerance is half a step.
for base, precision, kind, step in [
    (Base.RGB, Precision.U8_NON_LINEAR, Type.RGB_IMAGE, 1 / 255),
    (Base.RGB, Precision.U8_PERCEPTUAL, Type.RGB_IMAGE, 1 / 255),
    (Base.RGB, Precision.U16_NON_LINEAR, Type.RGBA_IMAGE, 1 / 65535),
    (Base.RGB, Precision.U32_LINEAR, Type.RGB_IMAGE, 1e-5),
    (Base.RGB, Precision.HALF_LINEAR, Type.RGB_IMAGE, 1e-3),
    (Base.RGB, Precision.FLOAT_LINEAR, Type.RGB_IMAGE, 1e-5),
    (Base.RGB, Precision.DOUBLE_NON_LINEAR, Type.RGB_IMAGE, 1e-5),
    (Base.GRAY, Precision.U8_NON_LINEAR, Type.GRAY_IMAGE, 1 / 255),
    (Base.GRAY, Precision.FLOAT_LINEAR, Type.GRAY_IMAGE, 1e-5),
]:
    for selected in (False, True):
        image, layer = photo(base, precision, kind)
        if selected:
            Gimp.context_set_feather(True)
            Gimp.context_set_feather_radius(4, 4)
            image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 0, 10, 10)
        before = Gimp.Selection.bounds(image)
        old = values(layer, 0, 0, 40, 30, "R'G'B'A float")
        done(image, [layer], note="kept")
        top = image.get_layers()[0]
        assert image.get_selected_layers() == [top] and top.get_offsets()[1:] == (10, -5)
        assert tuple(Gimp.Selection.bounds(image)) == tuple(before)
        assert values(layer, 0, 0, 40, 30, "R'G'B'A float") == old
        new = values(top, 0, 0, 1, 1, "R'G'B'A float")
        assert all(abs(1 - a - b) < step for a, b in zip(old[:3], new)), (precision, old[:4], new)
        mask = values(top.get_mask(), 0, 0, 40, 30, "Y float")
        wanted = [i / 1200 for i in range(1200)]
        if selected:
            wanted = values(image.get_selection(), 10, -5, 40, 30, "Y float")
        assert max(abs(a - b) for a, b in zip(mask, wanted)) <= step * 0.51, precision
        assert bytes(top.get_parasite("pentimento-probe").get_data()) == b"kept"
        image.delete()

# Places, and what is no place.
image, layer = photo(Base.RGB, Precision.U8_NON_LINEAR, Type.RGB_IMAGE)
other = Gimp.Layer.new(image, "other", 9, 9, Type.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
image.insert_layer(other, None, 0)
channel = Gimp.Channel.new(image, "channel", 64, 48, 50, Gegl.Color.new("red"))
image.insert_channel(channel, None, 0)
refused("no layer", image, [])
refused("several", image, [layer, other])
refused("no layer", image, [channel])
refused("fault of its own", image, [layer], note="panic")
assert call(image, [layer], note="cancel")[0] == Gimp.PDBStatusType.CANCEL
assert names(image) == [("other", None), ("photo", None)], names(image)
mask = layer.create_mask(Gimp.AddMaskType.WHITE)
layer.add_mask(mask)
done(image, [mask])  # means its layer
done(image, [layer], group=True)
group = image.get_layers()[2]
done(image, [group.get_children()[1]])
assert names(image)[1:] == [
    ("photo inverted", None),
    ("Probes", ["photo inverted #1", "second inverted", "second"]),
    ("photo", None),
], names(image)
image.undo_disable()
done(image, [layer])
image.undo_enable()
image.select_rectangle(Gimp.ChannelOps.REPLACE, 12, 0, 5, 5)
floating = Gimp.Selection.float(image, [layer], 1, 1)
refused("floating", image, [floating])
done(image, [layer])
assert image.get_selected_layers() == [floating]

# The last values are those of the last run from a menu, which itself starts from the one before, kept by GIMP
# beyond its end. The probe halves the strength there, and nowhere else.
image, layer = photo(Base.RGB, Precision.FLOAT_LINEAR, Type.RGB_IMAGE)
done(image, [layer], Mode.INTERACTIVE)
done(image, [layer], strength=0.25)
done(image, [layer], Mode.WITH_LAST_VALS)
menu, script, last = (values(i, 0, 0, 1, 1, "R'G'B'A float")[0] - 0.2 for i in image.get_layers()[:3])
assert abs(script - 0.15) < 1e-4 and abs(menu / 2 - last) < 1e-4, (menu, script, last)

# Indexed colours are refused; a profile comes along.
image, layer = photo(Base.RGB, Precision.U8_NON_LINEAR, Type.RGB_IMAGE)
image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
refused("indexed", image, [layer])
image, layer = photo(Base.RGB, Precision.U16_NON_LINEAR, Type.RGB_IMAGE)
image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
done(image, [layer], strength=0.0)  # the probe itself checks that a copy is exact
print("probe.py: all good")
