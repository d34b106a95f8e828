//! The operators that networks are made of. Each is one node unless it says otherwise; all fail with
//! [`Error::Unfit`], which names the node and the shapes.

use ndarray::{Array1, Array2};

use super::{Graph, Value};
use crate::error::Error;

/// What every operator gives.
type Made = Result<Value, Error>;

/// An integer of the format; sizes of tensors fit.
fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Arithmetic, element by element; shapes broadcast as numpy's do.
impl Graph {
    /// `a + b`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn add(&self, a: &Value, b: &Value) -> Made {
        self.op("Add", &[a, b], &[])
    }

    /// `a − b`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn sub(&self, a: &Value, b: &Value) -> Made {
        self.op("Sub", &[a, b], &[])
    }

    /// `a · b`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn mul(&self, a: &Value, b: &Value) -> Made {
        self.op("Mul", &[a, b], &[])
    }

    /// `a / b`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn div(&self, a: &Value, b: &Value) -> Made {
        self.op("Div", &[a, b], &[])
    }

    /// `x · factor`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn scale(&self, x: &Value, factor: f32) -> Made {
        self.mul(x, &self.scalar(factor))
    }

    /// `1 / √(x + epsilon)`, three nodes.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn rsqrt(&self, x: &Value, epsilon: f32) -> Made {
        let x = self.add(x, &self.scalar(epsilon))?;
        self.op("Reciprocal", &[&self.op("Sqrt", &[&x], &[])?], &[])
    }
}

/// Activations.
impl Graph {
    /// `x` above zero, `alpha · x` below.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn leaky_relu(&self, x: &Value, alpha: f32) -> Made {
        self.op("LeakyRelu", &[x], &[("alpha", alpha.into())])
    }

    /// `x` above zero, `slope · x` below, with a slope for each channel; that of pictures is `[C, 1, 1]`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn prelu(&self, x: &Value, slope: &Value) -> Made {
        self.op("PRelu", &[x, slope], &[])
    }

    /// `x` above zero, zero below.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn relu(&self, x: &Value) -> Made {
        self.op("Relu", &[x], &[])
    }

    /// `1 / (1 + e⁻ˣ)`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn sigmoid(&self, x: &Value) -> Made {
        self.op("Sigmoid", &[x], &[])
    }

    /// `x · Φ(x)` by the error function, five nodes, which ONNX Runtime makes one.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn gelu(&self, x: &Value) -> Made {
        let erf = self.op("Erf", &[&self.div(x, &self.scalar(std::f32::consts::SQRT_2))?], &[])?;
        self.scale(&self.mul(x, &self.add(&erf, &self.scalar(1.0))?)?, 0.5)
    }

    /// Exponentials along an axis, over their sum.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn softmax(&self, x: &Value, axis: i64) -> Made {
        self.op("Softmax", &[x], &[("axis", axis.into())])
    }
}

/// Products of matrices.
impl Graph {
    /// The product of matrices, or of stacks of them.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn matmul(&self, a: &Value, b: &Value) -> Made {
        self.op("MatMul", &[a, b], &[])
    }

    /// `x · weightᵀ + bias` for `x` `[…, in]`, with a trained `weight` `[out, in]` as PyTorch keeps it, which becomes
    /// `scope/weight` and `scope/bias`. One node where `x` is a matrix, else two.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn linear(&self, x: &Value, weight: Array2<f32>, bias: Option<Array1<f32>>) -> Made {
        let bias = bias.map(|b| self.weight("bias", b)).transpose()?;
        if x.rank() == 2 {
            let weight = self.weight("weight", weight)?;
            let inputs = [Some(x), Some(&weight), bias.as_ref()];
            let inputs = &inputs[..if bias.is_some() { 3 } else { 2 }];
            return self.one("Gemm", inputs, &[("transB", 1.into())]);
        }
        let y = self.matmul(x, &self.weight("weight", weight.reversed_axes())?)?;
        bias.map_or(Ok(y.clone()), |b| self.add(&y, &b))
    }
}

/// Convolutions and pools over pictures `[n, C, H, W]`.
impl Graph {
    /// A convolution by `weight` `[out, in, k, k]`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn conv(&self, x: &Value, weight: &Value, bias: Option<&Value>, stride: usize, pad: usize) -> Made {
        let settings = [("strides", [whole(stride); 2].into()), ("pads", [whole(pad); 4].into())];
        let inputs = [Some(x), Some(weight), bias];
        self.one("Conv", &inputs[..if bias.is_some() { 3 } else { 2 }], &settings)
    }

    /// A convolution of each channel by itself, by `weight` `[C, 1, k, k]`. ONNX Runtime's are fast on CPUs.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn depthwise(&self, x: &Value, weight: &Value, stride: usize, pad: usize) -> Made {
        let groups = weight.size(0).map_or(1, whole);
        let settings = [
            ("strides", [whole(stride); 2].into()),
            ("pads", [whole(pad); 4].into()),
            ("group", groups.into()),
        ];
        self.op("Conv", &[x, weight], &settings)
    }

    /// A transposed convolution by `weight` `[in, out, k, k]`: sizes become `stride · (size − 1) + k − 2 · pad`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn conv_transpose(&self, x: &Value, weight: &Value, stride: usize, pad: usize) -> Made {
        let settings = [("strides", [whole(stride); 2].into()), ("pads", [whole(pad); 4].into())];
        self.op("ConvTranspose", &[x, weight], &settings)
    }

    /// The largest value under a window.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn max_pool(&self, x: &Value, kernel: usize, stride: usize, pad: usize) -> Made {
        self.pool("MaxPool", x, kernel, stride, pad)
    }

    /// The mean under a window without padding.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn average_pool(&self, x: &Value, kernel: usize, stride: usize) -> Made {
        self.pool("AveragePool", x, kernel, stride, 0)
    }

    /// The mean of each channel, `[n, C, 1, 1]`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn global_average_pool(&self, x: &Value) -> Made {
        self.op("GlobalAveragePool", &[x], &[])
    }

    fn pool(&self, op: &str, x: &Value, kernel: usize, stride: usize, pad: usize) -> Made {
        let settings = [
            ("kernel_shape", [whole(kernel); 2].into()),
            ("strides", [whole(stride); 2].into()),
            ("pads", [whole(pad); 4].into()),
        ];
        self.op(op, &[x], &settings)
    }

    /// Pictures of another size, interpolated as PyTorch does: `bilinear` or nearest, corners aligned or not.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn resize(&self, x: &Value, height: usize, width: usize, how: Resize) -> Made {
        let (mode, coordinates) = match how {
            Resize::Nearest => ("nearest", "asymmetric"),
            Resize::Bilinear => ("linear", "half_pixel"),
            Resize::BilinearCorners => ("linear", "align_corners"),
        };
        let sizes = self.ints(&[whole(height), whole(width)]);
        let settings = [
            ("axes", [2, 3].into()),
            ("mode", mode.into()),
            ("coordinate_transformation_mode", coordinates.into()),
            ("nearest_mode", "floor".into()),
        ];
        self.one("Resize", &[Some(x), None, None, Some(&sizes)], &settings)
    }
}

/// How pictures are interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// The value to the upper left.
    Nearest,
    /// Linear in both axes, `align_corners=False`.
    Bilinear,
    /// Linear in both axes, `align_corners=True`.
    BilinearCorners,
}

/// Normalisations with trained settings.
impl Graph {
    /// Over the batch, as at inference: `scale · (x − mean) / √(variance + epsilon) + bias`, each `[C]`.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn batch_norm(&self, x: &Value, [scale, bias, mean, variance]: [&Value; 4], epsilon: f32) -> Made {
        self.op("BatchNormalization", &[x, scale, bias, mean, variance], &[("epsilon", epsilon.into())])
    }

    /// Over the last axis.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn layer_norm(&self, x: &Value, scale: &Value, bias: &Value, epsilon: f32) -> Made {
        let settings = [("axis", (-1).into()), ("epsilon", epsilon.into())];
        self.op("LayerNormalization", &[x, scale, bias], &settings)
    }
}

/// Moves and reductions.
impl Graph {
    /// The same elements in another shape; 0 keeps a size (that of an open batch), -1 takes what is left.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn reshape(&self, x: &Value, shape: &[i64]) -> Made {
        self.op("Reshape", &[x, &self.ints(shape)], &[])
    }

    /// Axes in another order.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn transpose(&self, x: &Value, order: &[i64]) -> Made {
        self.op("Transpose", &[x], &[("perm", order.to_vec().into())])
    }

    /// With new axes of size one.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn unsqueeze(&self, x: &Value, axes: &[i64]) -> Made {
        self.op("Unsqueeze", &[x, &self.ints(axes)], &[])
    }

    /// Without axes of size one.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn squeeze(&self, x: &Value, axes: &[i64]) -> Made {
        self.op("Squeeze", &[x, &self.ints(axes)], &[])
    }

    /// Places `start..end` of an axis; ends below zero count from the end.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn slice(&self, x: &Value, axis: i64, start: i64, end: i64) -> Made {
        self.op("Slice", &[x, &self.ints(&[start]), &self.ints(&[end]), &self.ints(&[axis])], &[])
    }

    /// One after the other along an axis.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn concat(&self, parts: &[&Value], axis: i64) -> Made {
        self.op("Concat", parts, &[("axis", axis.into())])
    }

    /// Parts of given sizes along an axis.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn split(&self, x: &Value, axis: i64, sizes: &[usize]) -> Result<Vec<Value>, Error> {
        let parts: Vec<i64> = sizes.iter().map(|&s| whole(s)).collect();
        self.node("Split", &[Some(x), Some(&self.ints(&parts))], &[("axis", axis.into())], parts.len())
    }

    /// One place of an axis, which goes away.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn row(&self, x: &Value, axis: i64, index: i64) -> Made {
        self.gather(x, &self.int(index), axis)
    }

    /// The places of an axis that `indices` says; the axes of `indices` take its place.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn gather(&self, x: &Value, indices: &Value, axis: i64) -> Made {
        self.op("Gather", &[x, indices], &[("axis", axis.into())])
    }

    /// Repeated along axes of size one, and along new ones before the others.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn expand(&self, x: &Value, shape: &[i64]) -> Made {
        self.op("Expand", &[x, &self.ints(shape)], &[])
    }

    /// Pictures with zeros around them: rows before and after, columns before and after.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn pad(&self, x: &Value, [top, bottom, left, right]: [i64; 4]) -> Made {
        let pads = self.ints(&[top, left, bottom, right]);
        self.one("Pad", &[Some(x), Some(&pads), None, Some(&self.ints(&[2, 3]))], &[])
    }

    /// Reduces axes by `ReduceMean`, `ReduceSum`, `ReduceMax`…, which stay with size one where `keep` says so.
    ///
    /// # Errors
    /// [`Error::Unfit`].
    pub fn reduce(&self, op: &str, x: &Value, axes: &[i64], keep: bool) -> Made {
        self.op(op, &[x, &self.ints(axes)], &[("keepdims", i64::from(keep).into())])
    }

    /// A node of one output that leaves inputs out.
    fn one(&self, op: &str, inputs: &[Option<&Value>], settings: &[(&str, super::Setting)]) -> Made {
        self.node(op, inputs, settings, 1).map(|mut all| all.swap_remove(0))
    }
}
