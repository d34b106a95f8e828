"""Folders and graphs as others export them, small and with random weights, and what PyTorch makes of the same.

Written by the exporters themselves (developers only; the tests read what is committed):

    pip install diffusers==0.39.0 transformers==4.57.6 optimum-onnx==0.1.0
    python exports.py ../convert/tests/golden/exports

* `optimum/`: Stable Diffusion by Optimum. `legacy/`: the same networks by the calls of Diffusers' script of 2022
  (`convert_stable_diffusion_checkpoint_to_onnx.py`): opset 14, a step for each picture, tokens of 32 bits, weights of the
  denoiser in `weights.pb`, an encoder that draws a sample. `half/`: a denoiser of half precision.
* `clip/`: both towers in one graph, by Optimum. `clip-split/`: one graph each.
* `cartoon.onnx`: a stylisation of blue, green, red, last axis, 0 to 255, in any size. `mosaic.onnx`: red first, second
  axis, normalised, in one size and an old opset.
* `*.npy`: what went in and what PyTorch gave, in single precision.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from optimum.exporters.onnx import main_export
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPTokenizerFast,
    CLIPVisionModelWithProjection,
)

MERGES = [("c", "a"), ("ca", "t</w>"), ("h", "a"), ("i", "r</w>"), ("ha", "ir</w>"), ("r", "e"), ("re", "d</w>")]
START, END = "<|startoftext|>", "<|endoftext|>"


def tokenizer_files(folder: Path) -> int:
    """A vocabulary in CLIP's form with few merges; the number of its tokens."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    symbols = [chr(c) for c in seen] + [chr(256 + n) for n in range(256 - len(seen))]
    tokens = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in MERGES] + [START, END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES))
    return len(tokens)


def text_config(tokens: int, **more) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=tokens, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, bos_token_id=tokens - 2, eos_token_id=tokens - 1, pad_token_id=tokens - 1,
        **more,
    )


class Denoiser(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class Encoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, sample):
        return self.vae.encode(sample, return_dict=False)[0].sample()


class Decoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, latent_sample):
        return self.vae.decode(latent_sample, return_dict=False)[0]


class Texts(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        out = self.model(input_ids)
        return out.last_hidden_state, out.pooler_output


class Tower(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)[0]


def export(module, path: Path, arguments, inputs, outputs, opset, axes=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module, arguments, path, input_names=inputs, output_names=outputs, opset_version=opset,
        dynamic_axes=axes or {}, dynamo=False,
    )


def stable_diffusion(out: Path, work: Path):
    tokens = tokenizer_files(work / "tokenizer")
    tokenizer = CLIPTokenizer(
        work / "tokenizer/vocab.json", work / "tokenizer/merges.txt", model_max_length=77, pad_token=END
    )
    text = CLIPTextModel(text_config(tokens)).eval()
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), cross_attention_dim=16,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 8, 8), layers_per_block=1, norm_num_groups=2, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    ).eval()
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(work / "pytorch")
    main_export(str(work / "pytorch"), output=str(out / "optimum"), task="text-to-image", opset=18)

    ids = torch.tensor(tokenizer(["a cat with red hair", "hair"], padding="max_length").input_ids)
    sample, step = torch.randn(2, 4, 8, 8), torch.tensor([481.0])
    image = torch.rand(1, 3, 32, 48) * 2 - 1
    with torch.no_grad():
        states = text(ids).last_hidden_state
        moments = vae.encode(image).latent_dist
        scale = vae.config.scaling_factor
        arrays = {
            "input_ids": ids, "sample": sample, "timestep": step, "image": image, "states": states,
            "prediction": unet(sample, step[0], states).sample,
            "half_step": unet(sample, torch.tensor(481.5), states).sample,
            "mean": moments.mean * scale, "deviation": moments.std * scale,
            "decoded": vae.decode(sample[:1] / scale).sample,
        }
    for name, values in arrays.items():
        np.save(out / f"{name}.npy", values.numpy())

    legacy = out / "legacy"
    axes = {"sample": {0: "batch", 1: "channels", 2: "height", 3: "width"}, "timestep": {0: "batch"},
            "encoder_hidden_states": {0: "batch", 1: "sequence"}}
    export(Denoiser(unet), legacy / "unet/model.onnx", (sample, step.repeat(2), states),
           ["sample", "timestep", "encoder_hidden_states"], ["out_sample"], 14, axes)
    model = onnx.load(legacy / "unet/model.onnx")
    (legacy / "unet/model.onnx").unlink()
    onnx.save_model(model, legacy / "unet/model.onnx", save_as_external_data=True, all_tensors_to_one_file=True,
                    location="weights.pb", size_threshold=256)
    export(Texts(text), legacy / "text_encoder/model.onnx", ids.int(), ["input_ids"],
           ["last_hidden_state", "pooler_output"], 14, {"input_ids": {0: "batch", 1: "sequence"}})
    export(Encoder(vae), legacy / "vae_encoder/model.onnx", image, ["sample"], ["latent_sample"], 14,
           {"sample": {0: "batch", 1: "channels", 2: "height", 3: "width"}})
    export(Decoder(vae), legacy / "vae_decoder/model.onnx", sample, ["latent_sample"], ["sample"], 14,
           {"latent_sample": {0: "batch", 1: "channels", 2: "height", 3: "width"}})
    for part in ["model_index.json", "scheduler", "tokenizer"]:
        copy = shutil.copytree if (out / "optimum" / part).is_dir() else shutil.copy
        copy(out / "optimum" / part, legacy / part)

    half = out / "half"
    export(Denoiser(unet.half()), half / "unet/model.onnx", (sample.half(), torch.tensor(481), states.half()),
           ["sample", "timestep", "encoder_hidden_states"], ["out_sample"], 18, axes | {"timestep": {}})
    for part in ["model_index.json", "scheduler"]:
        copy = shutil.copytree if (out / "optimum" / part).is_dir() else shutil.copy
        copy(out / "optimum" / part, half / part)


def clip(out: Path, work: Path):
    tokens = tokenizer_files(work / "clip-tokenizer")
    tokenizer = CLIPTokenizerFast(
        str(work / "clip-tokenizer/vocab.json"), str(work / "clip-tokenizer/merges.txt"), model_max_length=77
    )
    config = CLIPConfig(
        text_config=text_config(tokens, projection_dim=12).to_dict(), projection_dim=12,
        vision_config=dict(
            hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8,
            projection_dim=12,
        ),
    )
    model = CLIPModel(config).eval()
    model.save_pretrained(work / "clip")
    CLIPProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}), tokenizer
    ).save_pretrained(work / "clip")
    main_export(str(work / "clip"), output=str(out / "clip"), task="zero-shot-image-classification", opset=18)

    ids = torch.tensor(tokenizer(["a red cat", "red hair"], padding=True).input_ids)
    picture = torch.rand(2, 3, 32, 32)
    ready = CLIPImageProcessor()
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (ready.image_mean, ready.image_std))
    pixels = (picture - mean) / deviation
    split = out / "clip-split"
    text = CLIPTextModelWithProjection.from_pretrained(work / "clip").eval()
    vision = CLIPVisionModelWithProjection.from_pretrained(work / "clip").eval()
    export(Tower(text), split / "onnx/text_model.onnx", ids, ["input_ids"], ["text_embeds"], 14,
           {"input_ids": {0: "batch", 1: "sequence"}})
    export(Tower(vision), split / "onnx/vision_model.onnx", pixels, ["pixel_values"], ["image_embeds"], 14,
           {"pixel_values": {0: "batch"}})
    for name in ["config.json", "preprocessor_config.json", "tokenizer.json"]:
        shutil.copy(out / "clip" / name, split / name)
    with torch.no_grad():
        np.save(out / "clip_ids.npy", ids.numpy())
        np.save(out / "clip_image.npy", (picture * 2 - 1).numpy())
        np.save(out / "text_embeds.npy", text(ids).text_embeds.numpy())
        np.save(out / "image_embeds.npy", vision(pixels).image_embeds.numpy())


class Cartoon(torch.nn.Module):
    """Interleaved, blue first, 0 to 255."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Upsample(scale_factor=2),
                                        torch.nn.Conv2d(8, 3, 3, 1, 1), torch.nn.Sigmoid())

    def forward(self, x):
        return self.body(x.permute(0, 3, 1, 2) / 255).permute(0, 2, 3, 1) * 255


class Mosaic(torch.nn.Module):
    """Planes, red first, normalised going in, 0 to 1 coming out."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3, 1, 1), torch.nn.ReLU(), torch.nn.Conv2d(6, 3, 1),
                                        torch.nn.Sigmoid())

    def forward(self, x):
        return self.body(x)


MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def stylise(out: Path):
    cartoon, mosaic = Cartoon().eval(), Mosaic().eval()
    export(cartoon, out / "cartoon.onnx", torch.rand(1, 32, 32, 3), ["picture"], ["cartoon"], 17,
           {"picture": {1: "height", 2: "width"}, "cartoon": {1: "height", 2: "width"}})
    export(mosaic, out / "mosaic.onnx", torch.rand(1, 3, 24, 24), ["input1"], ["output1"], 9)
    (out / "cartoon.toml").write_text(
        'name = "Cartoon"\nlicence = "CC0-1.0"\norigin = "Random weights"\nresolution = 32\n'
        '[input]\nchannels = "bgr"\nblack = 0.0\nwhite = 255.0\n'
        '[output]\nchannels = "bgr"\nblack = 0.0\nwhite = 255.0\n'
    )
    black = [-m / d for m, d in zip(MEAN, DEVIATION)]
    white = [(1 - m) / d for m, d in zip(MEAN, DEVIATION)]
    (out / "mosaic.toml").write_text(
        'name = "Mosaic"\nlicence = "CC0-1.0"\norigin = "Random weights"\n'
        f'[input]\nchannels = "rgb"\nblack = {black}\nwhite = {white}\n'
        '[output]\nchannels = "rgb"\nblack = 0.0\nwhite = 1.0\n'
    )
    with torch.no_grad():
        # What a pack takes and gives: planes, red first, −1 to 1.
        image = torch.rand(1, 3, 32, 32) * 2 - 1
        seen = ((image + 1) / 2 * 255).flip(1).permute(0, 2, 3, 1)
        made = (cartoon(seen) / 255 * 2 - 1).permute(0, 3, 1, 2).flip(1)
        np.save(out / "cartoon_image.npy", image.numpy())
        np.save(out / "cartoon_stylised.npy", made.numpy())
        image = image[:, :, :24, :24].contiguous()
        seen = ((image + 1) / 2 - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(DEVIATION).view(1, 3, 1, 1)
        np.save(out / "mosaic_image.npy", image.numpy())
        np.save(out / "mosaic_stylised.npy", (mosaic(seen) * 2 - 1).numpy())


def slim(path: Path):
    """Leaves out what exporters tell of the source and of shapes between, which is most of a small graph."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    torch.manual_seed(7)
    with tempfile.TemporaryDirectory() as work:
        stable_diffusion(out, Path(work))
        clip(out, Path(work))
    stylise(out)
    for path in out.rglob("*.onnx"):
        slim(path)
    for path in [*out.rglob("*.json")]:
        settings = json.loads(path.read_text())
        if settings.pop("_name_or_path", None):
            path.write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main()
