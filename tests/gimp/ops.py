# What the tests ask of GIMP 3. Facts go to a file each; pixels as raw bytes in the drawable's own format.
import os

image = None
photo = None


def op_open(file):
    global image, photo
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(file))
    photo = image.get_layers()[0]


def op_precision(precision):
    image.convert_precision(precision)


def op_grey():
    image.convert_grayscale()


def op_indexed():
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 64, False, False, "")


def op_select(x, y, width, height):
    image.select_ellipse(Gimp.ChannelOps.REPLACE, x, y, width, height)


def op_offset(x, y):
    photo.set_offsets(x, y)


def op_alpha():
    photo.add_alpha()


def op_group():
    group = Gimp.GroupLayer.new(image, "Group")
    image.insert_layer(group, None, 0)
    image.reorder_item(photo, group, 0)


def op_uppermost():
    global photo
    photo = image.get_layers()[0]


def op_lowest():
    global photo
    photo = image.get_layers()[-1]


def op_call(mode, arguments):
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-pentimento-text-edit")
    config = procedure.create_config()
    config.set_property("run-mode", mode)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [photo])
    if mode == Gimp.RunMode.NONINTERACTIVE:
        for name, value in arguments:
            config.set_property(name, value)
    print("CALL-BEGINS", flush=True)
    status = procedure.run(config).index(0)
    print("CALL-SUCCEEDED" if status == Gimp.PDBStatusType.SUCCESS else "CALL-FAILED", status)
    if status != Gimp.PDBStatusType.SUCCESS:
        print(Gimp.get_pdb().get_last_error())


def save(drawable, path):
    buffer = drawable.get_buffer()
    rect = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    pixels = buffer.get(rect, 1.0, None, Gegl.AbyssPolicy.NONE)
    with open(path + ".raw", "wb") as file:
        file.write(b"%d %d\n" % (drawable.get_width(), drawable.get_height()))
        file.write(bytes(pixels))


def op_dump(folder):
    def fact(name, value):
        with open(os.path.join(folder, "fact-" + name), "w") as file:
            file.write(str(value))

    parent = photo.get_parent()
    layers = parent.get_children() if parent else image.get_layers()
    fact("layers", len(layers))
    fact("selection", Gimp.Selection.bounds(image)[1:])
    fact("dirty", image.is_dirty())
    profile = image.get_color_profile()
    fact("profile-bytes", len(profile.get_icc_profile()) if profile else 0)
    fact("photo-name", photo.get_name())
    save(photo, folder + "/photo")
    save(image.get_selection(), folder + "/selection")
    if not photo.is_indexed():
        # What an export would hold. “New from visible” would not do: it converts between profiles, which rounds.
        copy = image.duplicate()
        merged = copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        merged.resize_to_image_size()
        save(merged, folder + "/visible")
        copy.delete()
    if len(layers) > 1:
        new = layers[0]
        fact("name", new.get_name())
        fact("x", new.get_offsets()[1])
        fact("y", new.get_offsets()[2])
        fact("width", new.get_width())
        fact("height", new.get_height())
        fact("mask", "there" if new.get_mask() else "none")
        if new.get_mask():
            save(new.get_mask(), folder + "/mask")
        save(new, folder + "/new")
        recipe = new.get_parasite("pentimento-recipe")
        fact("recipe", bytes(recipe.get_data()).decode() if recipe else "")
    print("DUMPED")
