"""A folder in the layout of an Optimum export of Stable Diffusion from the trained networks, and the pack of it.

    python export.py ../checkpoint/denoiser64.pt --folder FOLDER --pentimento PROGRAM \
        --pack ../../packs/starter-denoiser --golden ../../tests/golden

The pack is made by `pentimento convert`, as of anybody's export. Weights are stored in half precision and computed with in
single. Checks every graph of the folder against PyTorch; the goldens are PyTorch's, for the tests to check the pack.
"""
import argparse
import json
import pathlib
import re
import subprocess
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

import schedule
from common import record
from networks import CONTEXT, LATENT, WIDTH, Autoencoder, Denoiser
from train import Reading
from vocabulary import END, START, Vocabulary

DESCRIPTION = "Rendered heads at 64 x 64 pixels: a small denoiser that listens to text, to try without a download"
TERMS = "Weights: CC0-1.0. Trained on our own renders of MakeHuman data (CC0) and on captions of our own."
ORIGIN = "Trained by models-onnx/starter/train_denoiser on renders of our own head renderer; no photographs of people"
OPSET = 17
# Smaller tensors stay in single precision: they are no size, and norms are sensitive.
LARGE = 1024


def networks(kept):
    words = Vocabulary(kept["merges"])
    nets = {"autoencoder": Autoencoder(), "text": Reading(len(words)), "denoiser": Denoiser()}
    for name, net in nets.items():
        net.load_state_dict({k: v.float() for k, v in kept[name].items()})
        net.requires_grad_(False).eval()
    return words, nets


def halved(path):
    """Large weights in half precision, each followed by a cast, which a session folds when it is opened."""
    model = onnx.load(path)
    graph, casts, kept = model.graph, [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= LARGE:
            name, tensor = tensor.name, numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
            casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT))
        kept.append(tensor)
    nodes = casts + list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_graph(net, path, inputs, output, axes):
    """Exports, stores in half precision, and compares with torch; returns what it is off by at most."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, tuple(inputs.values()), path, input_names=list(inputs), output_names=[output],
                          opset_version=OPSET, dynamic_axes=axes, dynamo=False)  # fmt: skip
    halved(path)
    wanted = net(*inputs.values()).numpy()
    found = onnxruntime.InferenceSession(path).run(None, {k: v.numpy() for k, v in inputs.items()})[0]
    error = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    if error > 2e-3:
        raise SystemExit(f"{path}: differs from torch by {error} of the largest number")
    return error


def write_folder(folder, kept):
    """The folder; returns what each graph is off by, in parts of its largest number."""
    words, nets = networks(kept)
    words.write(folder / "tokenizer")
    torch.manual_seed(0)
    ids = words.encode(["a face with blue hair, a beard", "a smiling woman"])
    states = nets["text"].encoder(ids)
    image, sample = torch.rand(2, 3, 64, 64) * 2 - 1, torch.randn(2, LATENT, 8, 8)
    grid = {0: "batch", 2: "height", 3: "width"}
    tokens = {0: "batch", 1: "sequence"}
    autoencoder = nets["autoencoder"]
    errors = {
        "text_encoder": write_graph(nets["text"].encoder, folder / "text_encoder/model.onnx", {"input_ids": ids},
                                    "last_hidden_state", {"input_ids": tokens, "last_hidden_state": tokens}),
        "unet": write_graph(
            nets["denoiser"], folder / "unet/model.onnx",
            {"sample": sample, "timestep": torch.tensor([481.0]), "encoder_hidden_states": states}, "out_sample",
            {"sample": grid, "encoder_hidden_states": tokens, "out_sample": grid},
        ),
        "vae_encoder": write_graph(autoencoder.encoder, folder / "vae_encoder/model.onnx", {"sample": image},
                                   "latent_parameters", {"sample": grid, "latent_parameters": grid}),
        "vae_decoder": write_graph(autoencoder.decoder, folder / "vae_decoder/model.onnx",
                                   {"latent_sample": sample / kept["scale"]}, "sample",
                                   {"latent_sample": grid, "sample": grid}),
    }  # fmt: skip
    library = {name: ["diffusers", kind] for name, kind in
               (("scheduler", "DDIMScheduler"), ("unet", "UNet2DConditionModel"), ("vae", "AutoencoderKL"))}  # fmt: skip
    library |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"]}
    vae = dict(_class_name="AutoencoderKL", latent_channels=LATENT, scaling_factor=kept["scale"], sample_size=64,
               block_out_channels=[48, 96, 128, 128])  # fmt: skip
    settings = {
        "model_index.json": {"_class_name": "StableDiffusionPipeline", "safety_checker": [None, None],
                             "requires_safety_checker": False} | library,
        "unet/config.json": dict(_class_name="UNet2DConditionModel", in_channels=LATENT, out_channels=LATENT,
                                 cross_attention_dim=WIDTH, sample_size=8, block_out_channels=list(Denoiser.LEVELS)),
        "vae_encoder/config.json": vae, "vae_decoder/config.json": vae,
        "text_encoder/config.json": dict(model_type="clip_text_model", hidden_size=WIDTH, vocab_size=len(words),
                                         max_position_embeddings=CONTEXT, bos_token_id=words.number[START],
                                         eos_token_id=words.number[END]),
        "scheduler/scheduler_config.json": dict(
            _class_name="DDIMScheduler", beta_start=schedule.BETA_START, beta_end=schedule.BETA_END,
            beta_schedule="scaled_linear", num_train_timesteps=schedule.STEPS, prediction_type="v_prediction",
            timestep_spacing="trailing", set_alpha_to_one=True, clip_sample=False, steps_offset=0),
    }  # fmt: skip
    for name, content in settings.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    return errors


def convert(program, folder, pack):
    """Makes the pack anew, but for its model card."""
    card = pack / "README.md"
    text = card.read_text() if card.is_file() else None
    subprocess.run([program, "convert", str(folder), "-o", str(pack.resolve()), "--replace", "--yes",
                    "--name", "Starter denoiser", "--domain", "rendered heads"], check=True)  # fmt: skip
    if text:
        card.write_text(text)
    path = pack / "pack.toml"
    text = path.read_text()
    text = re.sub(r"^description = .*$", f'description = "{DESCRIPTION}"', text, flags=re.M)
    terms = f'[licence]\nspdx = "CC0-1.0"\ntext = "{TERMS}"\norigin = "{ORIGIN}"\n\n'
    path.write_text(re.sub(r"^\[licence\]\n.*?\n\n", terms, text, flags=re.M | re.S))
    (pack / "LICENCE.txt").write_text(f"Starter denoiser\n\nLicence: CC0-1.0\nOrigin: {ORIGIN}\n\n{TERMS}\n")


@torch.no_grad()
def goldens(kept, folder):
    """One step out of noise for a text, the picture that it shows, and that picture's latents."""
    words, nets = networks(kept)
    keep = lambda name, value: np.save(folder / f"denoiser_{name}.npy", np.asarray(value))
    ids = words.encode(["a woman with long blond hair, sunglasses"])
    states, sample = nets["text"].encoder(ids), torch.randn(1, LATENT, 8, 8, generator=torch.Generator().manual_seed(0))
    step, autoencoder = schedule.STEPS - 1, nets["autoencoder"]
    velocity, alpha = nets["denoiser"](sample, torch.tensor([float(step)]), states), schedule.ALPHAS[step]
    clean = alpha.sqrt() * sample - (1 - alpha).sqrt() * velocity
    picture = autoencoder.decoder(clean / kept["scale"])
    mean, _ = autoencoder.moments(autoencoder.encoder(picture))
    for name, value in dict(ids=ids, states=states, sample=sample, velocity=velocity, kept=alpha, picture=picture,
                            mean=mean * kept["scale"]).items():  # fmt: skip
        keep(name, value)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=pathlib.Path, help="denoiser64.pt of a training")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="where the export goes")
    parser.add_argument("--pentimento", help="the program that makes a pack of it")
    parser.add_argument("--pack", type=pathlib.Path)
    parser.add_argument("--golden", type=pathlib.Path, help="folder for the goldens of the tests")
    parser.add_argument("--logs", nargs="+", type=pathlib.Path, help="logs of the trainings, for the pack")
    args = parser.parse_args()
    kept = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
    for name, error in write_folder(args.folder, kept).items():
        print(f"{name}: {error:.1e} of the largest number, {(args.folder / name / 'model.onnx').stat().st_size} bytes")
    if args.pack:
        convert(args.pentimento, args.folder, args.pack)
        if args.logs:
            record(args.logs, args.pack)
    if args.golden:
        goldens(kept, args.golden)


if __name__ == "__main__":
    main()
