//! Under what terms the networks were published. A file that somebody else trained has terms of its own, which only
//! they can tell; that is why the report says where these come from.

/// Terms of one kind of network.
#[derive(Debug, PartialEq, Eq)]
pub struct Terms {
    /// What they are about.
    pub what: &'static str,
    /// SPDX identifier or expression, `LicenseRef-` where SPDX knows none.
    pub spdx: &'static str,
    /// The terms in a sentence.
    pub text: &'static str,
}

pub(super) const STYLEGAN2: Terms = Terms {
    what: "StyleGAN2 generators",
    spdx: "LicenseRef-NVIDIA-Source-Code",
    text: "Published by NVIDIA under the NVIDIA Source Code License: for research or evaluation only, not \
           commercially; files passed on keep this notice. The pictures of FFHQ are under CC BY, CC BY-NC and others.",
};

pub(super) const BLOBGAN: Terms = Terms {
    what: "BlobGAN",
    spdx: "LicenseRef-BlobGAN",
    text: "Published by Epstein, Park, Zhang, Shechtman and Efros; read the licence of their project before you use or \
           pass on its files. They were trained on rooms of LSUN, whose pictures were given for research.",
};

pub(super) const ENCODERS: Terms = Terms {
    what: "pSp, e4e and ReStyle encoders",
    spdx: "MIT",
    text: "Code under the MIT License (Richardson, Alaluf, Tov and others); their files also hold a StyleGAN2 generator, \
           and were trained with it, to which NVIDIA's terms apply.",
};

pub(super) const EDITGAN: Terms = Terms {
    what: "EditGAN's encoder and classifiers of pixels",
    spdx: "LicenseRef-NVIDIA-EditGAN",
    text: "Published by NVIDIA for research or evaluation only, not commercially; made with a StyleGAN2 generator, to which \
           NVIDIA's terms apply. The labels of DatasetGAN are under CC BY-NC.",
};

pub(super) const IDENTITY: Terms = Terms {
    what: "the judge of identities (IR-SE50)",
    spdx: "MIT",
    text: "Code under the MIT License (TreB1eN, InsightFace_Pytorch); trained on MS-Celeb-1M, whose pictures were given \
           for research that is not commercial.",
};

pub(super) const LPIPS: Terms = Terms {
    what: "LPIPS and its backbones",
    spdx: "BSD-2-Clause",
    text: "LPIPS under the BSD 2-Clause License (Zhang, Isola, Efros, Shechtman, Wang); backbones from torchvision \
           (BSD 3-Clause), trained on ImageNet, whose pictures were given for research.",
};

pub(super) const CLIP: Terms = Terms {
    what: "CLIP",
    spdx: "MIT",
    text: "Under the MIT License (OpenAI); its makers ask not to deploy it untested, and not for surveillance.",
};

pub(super) const DIFFUSION: Terms = Terms {
    what: "Stable Diffusion",
    spdx: "LicenseRef-CreativeML-Open-RAIL-M",
    text: "Stable Diffusion 1 and 2 under the CreativeML Open RAIL-M licence (CompVis, Stability AI, Runway), which forbids \
           some uses; others that are built alike, such as SD-Turbo, under terms of their own.",
};

pub(super) const MTCNN: Terms = Terms {
    what: "MTCNN, as in facenet-pytorch",
    spdx: "MIT",
    text: "Code and weights under the MIT License (Timothy Esler; weights after David Sandberg's facenet); copies keep \
           their notice. MTCNN's authors trained on pictures of WIDER FACE and CelebA, which were given for research.",
};

pub(super) const STYLECLIP: Terms = Terms {
    what: "StyleCLIP's mappers, relevances and statistics",
    spdx: "MIT",
    text: "Under the MIT License (Patashnik, Wu, Shechtman, Cohen-Or, Lischinski); made with a StyleGAN2 generator, to \
           which NVIDIA's terms apply.",
};
