//! Sizes of axes: numbers, or products of a number with sizes that only the run will tell.

use std::fmt;
use std::sync::Arc;

/// A size, as a number times named unknowns: `64`, `n`, `12·n`.
///
/// Products are all that reshaping needs, so that `n` images of 16 × 16 and `256·n` rows are seen to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dim {
    factor: usize,
    /// Sorted, so that equal products are equal.
    unknowns: Vec<Arc<str>>,
}

/// The sizes of all axes.
pub type Shape = Vec<Dim>;

impl Dim {
    /// A number.
    pub fn known(size: usize) -> Self {
        Self { factor: size, unknowns: Vec::new() }
    }

    /// An unknown that is the same wherever its name is the same.
    pub fn named(name: &str) -> Self {
        Self { factor: 1, unknowns: vec![name.into()] }
    }

    /// The number, where it is one.
    pub fn size(&self) -> Option<usize> {
        self.unknowns.is_empty().then_some(self.factor)
    }

    /// The number that the unknowns are times.
    pub(crate) fn factor(&self) -> usize {
        self.factor
    }

    /// The name, where it is an unknown with one.
    pub fn name(&self) -> Option<&str> {
        match self.unknowns.as_slice() {
            // Names that nobody gave start with a NUL; see `Facts::unknown`.
            [name] if self.factor == 1 && !name.starts_with('\0') => Some(name),
            _ => None,
        }
    }

    /// Whether it is the number one, which is what broadcasts.
    pub fn is_one(&self) -> bool {
        self.size() == Some(1)
    }

    /// The product; `None` where the number overflows.
    pub fn times(&self, other: &Self) -> Option<Self> {
        let factor = self.factor.checked_mul(other.factor)?;
        let mut unknowns = [self.unknowns.as_slice(), &other.unknowns].concat();
        unknowns.sort_unstable();
        // Mutated models could square an unknown again and again.
        (unknowns.len() <= 16).then_some(Self { factor, unknowns })
    }

    /// The quotient, where it is exact whatever the unknowns will be.
    pub fn over(&self, other: &Self) -> Option<Self> {
        if other.factor == 0 || !self.factor.is_multiple_of(other.factor) {
            return None;
        }
        let mut unknowns = self.unknowns.clone();
        for unknown in &other.unknowns {
            unknowns.remove(unknowns.iter().position(|u| u == unknown)?);
        }
        Some(Self { factor: self.factor / other.factor, unknowns })
    }
}

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Self::known(size)
    }
}

impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// As mathematics writes it, such as `12·n`; `?` stands for an unknown without a name.
impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = (self.factor != 1 || self.unknowns.is_empty()).then(|| self.factor.to_string());
        let named =
            self.unknowns.iter().map(|u| if u.starts_with('\0') { "?".into() } else { u.to_string() });
        f.write_str(&known.into_iter().chain(named).collect::<Vec<String>>().join("·"))
    }
}

/// The product of sizes.
pub(crate) fn product<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Option<Dim> {
    dims.into_iter().try_fold(Dim::known(1), |all, d| all.times(d))
}

/// All sizes as numbers, where they are.
pub(crate) fn numbers(shape: &[Dim]) -> Option<Vec<usize>> {
    shape.iter().map(Dim::size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_divide_exactly_or_not_at_all() {
        let n = Dim::named("n");
        let rows = Dim::known(256).times(&n).unwrap();
        assert_eq!(rows.over(&n), Some(Dim::known(256)));
        assert_eq!(rows.over(&Dim::known(16)), Dim::known(16).times(&n));
        assert_eq!(rows.over(&Dim::known(3)), None);
        assert_eq!(rows.over(&Dim::named("m")), None);
        assert_eq!(rows.over(&Dim::known(0)), None);
        assert_eq!(Dim::known(usize::MAX).times(&Dim::known(2)), None);
        assert_eq!(rows.size(), None);
        assert_eq!([rows, n, Dim::known(1)].map(|d| d.to_string()), ["256·n", "n", "1"]);
    }
}
