//! Rectangles that may hold a face, in the arithmetic of facenet-pytorch: coordinates start at one in most places, which
//! its thresholds and weights are used to.

/// A rectangle and how much like a face it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Left, top, right and bottom edge in pixels.
    pub(super) edges: [f32; 4],
    /// Probability of a face.
    pub(super) score: f32,
}

/// What the area that two rectangles have in common is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// All of both, as torchvision does.
    Both,
    /// The smaller of both, sides one pixel longer: faces within faces go.
    Smaller,
}

/// Places of the candidates that stay when those go that share more than `most` with a better one, best first.
pub(super) fn distinct(candidates: &[Candidate], most: f32, against: Against) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| candidates[b].score.total_cmp(&candidates[a].score));
    let mut stay: Vec<usize> = Vec::new();
    for at in order {
        let other = |&kept: &usize| shared(&candidates[kept].edges, &candidates[at].edges, against) > most;
        if !stay.iter().any(other) {
            stay.push(at);
        }
    }
    stay
}

fn shared(a: &[f32; 4], b: &[f32; 4], against: Against) -> f32 {
    let longer = if against == Against::Smaller { 1.0 } else { 0.0 };
    let area = |e: &[f32; 4]| (e[2] - e[0] + longer) * (e[3] - e[1] + longer);
    let width = (a[2].min(b[2]) - a[0].max(b[0]) + longer).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1]) + longer).max(0.0);
    let common = width * height;
    common
        / match against {
            Against::Both => area(a) + area(b) - common,
            Against::Smaller => area(a).min(area(b)),
        }
}

impl Candidate {
    /// Its edges moved by what a network says, in sides of the rectangle, which are `longer` by a pixel or not at all.
    pub(super) fn moved(self, by: [f32; 4], longer: f32) -> Self {
        let [left, top, right, bottom] = self.edges;
        let (width, height) = (right - left + longer, bottom - top + longer);
        let edges =
            [left + by[0] * width, top + by[1] * height, right + by[2] * width, bottom + by[3] * height];
        Self { edges, ..self }
    }

    /// The square around its middle that is as large as its longer side.
    pub(super) fn square(self) -> Self {
        let [left, top, right, bottom] = self.edges;
        let (width, height) = (right - left, bottom - top);
        let side = width.max(height);
        let (left, top) = (left + width * 0.5 - side * 0.5, top + height * 0.5 - side * 0.5);
        Self { edges: [left, top, left + side, top + side], ..self }
    }

    /// Columns and rows of a picture that it covers, as `[left, top, right, bottom]` from zero, ends excluded; none where
    /// it lies outside.
    pub(super) fn within(&self, width: usize, height: usize) -> Option<[usize; 4]> {
        // Float to integer saturates, as it should here.
        let start = |edge: f32| (edge as usize).max(1) - 1;
        let [left, top] = [self.edges[0], self.edges[1]].map(start);
        let (right, bottom) = ((self.edges[2] as usize).min(width), (self.edges[3] as usize).min(height));
        (left < right && top < bottom).then_some([left, top, right, bottom])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(edges: [f32; 4], score: f32) -> Candidate {
        Candidate { edges, score }
    }

    #[test]
    fn of_rectangles_that_share_much_the_best_stays() {
        let all = [
            candidate([0.0, 0.0, 10.0, 10.0], 0.7),
            candidate([1.0, 1.0, 10.0, 10.0], 0.9),
            candidate([20.0, 0.0, 30.0, 10.0], 0.8),
            candidate([22.0, 2.0, 25.0, 5.0], 0.6),
        ];
        assert_eq!(distinct(&all, 0.5, Against::Both), [1, 2, 3]);
        // The last lies within the third.
        assert_eq!(distinct(&all, 0.7, Against::Smaller), [1, 2]);
        assert!(distinct(&[], 0.5, Against::Both).is_empty());
    }

    #[test]
    fn squares_keep_their_middle_and_are_cut_by_the_picture() {
        let tall = candidate([10.0, 0.0, 20.0, 30.0], 0.5).square();
        assert_eq!(tall.edges, [0.0, 0.0, 30.0, 30.0]);
        assert_eq!(tall.within(100, 20), Some([0, 0, 30, 20]));
        assert_eq!(candidate([-8.0, 3.9, 5.9, 9.0], 0.5).within(100, 100), Some([0, 2, 5, 9]));
        assert_eq!(candidate([120.0, 0.0, 130.0, 9.0], 0.5).within(100, 100), None);
        let moved = candidate([10.0, 10.0, 20.0, 30.0], 0.5).moved([0.1, -0.1, 0.0, 0.5], 0.0);
        assert_eq!(moved.edges, [11.0, 8.0, 20.0, 40.0]);
    }
}
