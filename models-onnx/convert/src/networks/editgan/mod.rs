//! EditGAN (Ling et al., 2021): its encoder into W+, and the classifiers of pixels that it took over from DatasetGAN
//! (Zhang et al., 2021). Its generator is a StyleGAN2, its judge LPIPS.

mod classes;
pub mod encoder;
pub mod pixels;

pub use classes::classes;
