//! The shape of hair: where it grows, how thick it lies on the skull, and how it falls.

use crate::attributes::{AFRO, BALD, BOB, BUZZ, LONG, SHORT};
use crate::looks::Look;
use crate::vector::{V3, add, noise, scale, smooth, sub, unit};

/// Middle of the skull on the neutral head: what an afro grows away from.
const SKULL: V3 = [0.0, 7.35, 0.45];

/// How far a point lies inside the scalp's hair, negative outside: `p` on the neutral head.
pub(crate) fn hair_line(p: V3, look: &Look) -> f32 {
    let [px, y, z] = p;
    let x = px.abs();
    let mut front = 7.98 + look.hair_line - 0.10 * x * x + look.parting * px * 0.25;
    let mut jitter = (noise(px * 14.0 + look.noise_seed, y * 14.0, z * 14.0) - 0.5) * 0.06;
    if look.fringe > 0.0 {
        let falls = 1.0 - smooth(0.55, 0.8, x);
        front -= look.fringe * falls;
        // The ends of a fringe are strands, which hang down.
        jitter += (noise(px * 24.0 + look.noise_seed, 0.5, 4.0) - 0.5) * 0.09 * falls;
    }
    let temple = z - (0.62 + 0.35 * smooth(7.2, 7.9, y));
    let side = (-temple).min(y - (6.9 - smooth(0.35, -0.1, z)));
    let mut line = (y - front).max(side);
    let at_ear = z < 0.25 && z > -0.1 && x > 0.70 && y < 7.35 && y > 6.6;
    if at_ear {
        line = line.min(-0.01);
    }
    line + jitter
}

/// Whether hair or hat covers a point of their shells.
pub(crate) fn shell_grows(p: V3, look: &Look) -> bool {
    hair_line(p, look) >= 0.0 && p[1] >= 6.2 && !(look.hat_on && p[1] > 7.72 + 0.15 * p[2])
}

/// Whether falling hair reaches a point of the curtain.
pub(crate) fn curtain_grows(p: V3, look: &Look) -> bool {
    let around = p[0].atan2(0.3 - p[2]);
    let lock = noise(around * 5.0 + look.noise_seed, 1.0, 2.0) - 0.5;
    let tip = noise(around * 26.0 + look.noise_seed, 3.0, 2.0) - 0.5;
    p[1] >= look.hair_end + 0.22 * lock + 0.16 * tip
}

/// Where a vertex of the scalp moves when hair grows on it.
pub(crate) fn lifted(neutral: V3, point: V3, normal: V3, look: &Look) -> V3 {
    let inside = hair_line(neutral, look);
    let [_, y, z] = neutral;
    if look.style == AFRO {
        // Away from the middle of the skull rather than along the normals, which cross behind the ears.
        let curls = 0.9 + 0.2 * noise(neutral[0] * 5.0 + look.noise_seed, y * 5.0, z * 5.0);
        let thickness = 0.75 * look.hair_volume * smooth(-0.02, 0.34, inside) * curls;
        return add(point, scale(unit(sub(neutral, SKULL)), thickness));
    }
    let base = if look.style == BOB { 0.20 } else { 0.16 } * look.hair_volume;
    // Thin at the temples and in front, full at the back and on top; nothing where it begins, so
    // that it has no edge to stand off the skin. A fringe does.
    let fringe = if look.fringe > 0.0 && z > 1.0 { 0.3 } else { 0.0 };
    let grown = smooth(-0.02, 0.16, inside).max(fringe) * ((y - 6.4) / 0.9).clamp(0.0, 1.0);
    let back = ((1.25 - z) / 0.5 + ((y - 7.9) / 0.3).clamp(0.0, 1.0)).clamp(0.0, 1.0);
    let top = if look.style == SHORT { look.hair_lift } else { 0.0 };
    let moved = add(point, scale(normal, base * grown * (0.35 + 0.65 * back)));
    let rise = ((y - 7.9) / 0.5).clamp(0.0, 1.0) * top * smooth(0.0, 0.2, inside);
    [moved[0], moved[1] + rise, moved[2]]
}

/// Hair that falls: a sheet from one temple around the back to the other, on the neutral head.
pub(crate) struct Curtain {
    /// Neutral positions.
    pub(crate) points: Vec<V3>,
    /// Vertex numbers.
    pub(crate) triangles: Vec<[u32; 3]>,
    /// For each vertex, vertices of the base that it follows, and how much.
    follows: Vec<[(u32, f32); Self::ANCHORS]>,
}

impl Curtain {
    const ANCHORS: usize = 4;
    const ROWS: usize = 18;
    const COLUMNS: usize = 34;
    const TOP: f32 = 7.95;
    const BOTTOM: f32 = 4.2;

    /// Lays the sheet; `anchors` are vertices of the base that move as hair should, with their places.
    pub(crate) fn new(anchors: &[(u32, V3)]) -> Self {
        let mut points = Vec::new();
        for row in 0..=Self::ROWS {
            let y = Self::TOP + (Self::BOTTOM - Self::TOP) * row as f32 / Self::ROWS as f32;
            for column in 0..=Self::COLUMNS {
                points.push(Self::at(y, column as f32 / Self::COLUMNS as f32 * 2.0 - 1.0));
            }
        }
        let at = |row: usize, column: usize| (row * (Self::COLUMNS + 1) + column) as u32;
        let mut triangles = Vec::new();
        for row in 0..Self::ROWS {
            for column in 0..Self::COLUMNS {
                let [a, b] = [at(row, column), at(row, column + 1)];
                let [c, d] = [at(row + 1, column), at(row + 1, column + 1)];
                triangles.extend([[a, b, c], [b, d, c]]);
            }
        }
        let follows = points.iter().map(|&p| nearest(p, anchors)).collect();
        Self { points, triangles, follows }
    }

    /// A point of the sheet at height `y`; `t` runs from -1 at one temple over 0 behind the head to 1.
    fn at(y: f32, t: f32) -> V3 {
        const WIDEST: f32 = 2.2; // radians from the back of the head to the edge beside the face
        let width = 0.79 + 0.14 * smooth(7.9, 7.1, y) + 0.12 * smooth(6.4, 5.0, y);
        let back = 0.68 + 0.12 * smooth(7.9, 7.2, y);
        // Beside the face it lies in front of the ear, further down in front of the shoulder.
        let edge = 0.95 - 0.22 * smooth(7.9, 7.2, y) + 0.55 * smooth(6.0, 4.6, y);
        let angle = t * WIDEST;
        let depth = if angle.cos() > 0.0 { back } else { (edge - 0.25) / -WIDEST.cos() };
        // Locks: the sheet is not smooth.
        let lock = 1.0 + 0.022 * smooth(7.6, 6.6, y) * (angle * 11.0 + 0.8 * (y * 1.7).sin()).sin();
        [width * angle.sin() * lock, y, 0.25 - depth * angle.cos() * lock]
    }

    /// The sheet around a head whose vertices went from `neutral` to `points`.
    pub(crate) fn fall(&self, neutral: &[V3], points: &[V3], width: f32) -> Vec<V3> {
        self.points
            .iter()
            .zip(&self.follows)
            .map(|(&p, follows)| {
                let moved = follows.iter().fold(p, |sum, &(v, weight)| {
                    add(sum, scale(sub(points[v as usize], neutral[v as usize]), weight))
                });
                let wider = 1.0 + (width - 1.0) * smooth(7.9, 6.4, p[1]);
                [moved[0] * wider, moved[1], moved[2]]
            })
            .collect()
    }
}

/// The nearest anchors of a point, weighted by the inverse of their squared distance.
fn nearest(p: V3, anchors: &[(u32, V3)]) -> [(u32, f32); Curtain::ANCHORS] {
    let mut all: Vec<(u32, f32)> = anchors
        .iter()
        .map(|&(v, q)| {
            let away = sub(p, q);
            (v, crate::vector::dot(away, away) + 1e-3)
        })
        .collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    let total: f32 = all[..Curtain::ANCHORS].iter().map(|a| 1.0 / a.1).sum();
    std::array::from_fn(|i| (all[i].0, 1.0 / all[i].1 / total))
}

/// Whether a hair style has a shell on the scalp.
pub(crate) fn has_shell(style: u8) -> bool {
    !matches!(style, BALD | BUZZ)
}

/// Whether a hair style hides the ears.
pub(crate) fn covers_ears(style: u8) -> bool {
    matches!(style, BOB | LONG)
}

#[cfg(test)]
mod tests {
    use super::Curtain;

    #[test]
    fn the_curtain_leaves_the_face_open_and_follows_the_head() {
        let anchors: Vec<(u32, [f32; 3])> =
            (0..8).map(|i| (i, [i as f32 / 4.0 - 1.0, 6.0 + (i % 3) as f32, 0.0])).collect();
        let curtain = Curtain::new(&anchors);
        assert!(
            curtain.points.iter().all(|p| p[2] < 0.6 || p[0].abs() > 0.6),
            "nothing hangs before the face"
        );
        let neutral: Vec<_> = anchors.iter().map(|a| a.1).collect();
        let raised: Vec<_> = neutral.iter().map(|p| [p[0], p[1] + 0.5, p[2]]).collect();
        let fallen = curtain.fall(&neutral, &raised, 1.0);
        let rose = fallen.iter().zip(&curtain.points).all(|(a, b)| (a[1] - b[1] - 0.5).abs() < 1e-4);
        assert!(rose, "what moves every anchor moves every lock");
    }
}
