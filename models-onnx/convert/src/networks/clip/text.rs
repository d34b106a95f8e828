//! The text tower.

use super::names::Names;
use super::transformer::{Transformer, layers, norm};
use super::{Activation, TextTower};
use crate::build::{Graph, Value};
use crate::error::Error;
use autodiff::{Dim, tensor};

/// The text tower, if there is one.
pub(super) fn recognise(names: &Names<'_>) -> Option<TextTower> {
    let (width, embedding) = names.projected("text_projection")?;
    let &[vocabulary, _] = names.shape("token_embedding.weight")? else { return None };
    let &[context, _] = names.shape("positional_embedding")? else { return None };
    Some(TextTower { vocabulary, context, width, layers: layers(names, ""), embedding })
}

/// From the graph's new input `input_ids` `[n, t]` to `[n, D]`.
pub(super) fn add(
    graph: &Graph,
    names: &Names<'_>,
    tower: &TextTower,
    activation: Activation,
) -> Result<Value, Error> {
    let &TextTower { vocabulary, context, width, layers, embedding } = tower;
    let ids = graph.integer_input("input_ids", &[Dim::named("n"), Dim::named("t")])?;
    // Ones, counted up: the places 0, 1, … of each text, however long it is.
    let ones = graph.add(&graph.mul(&ids, &graph.int(0))?, &graph.int(1))?;
    let places = graph.sub(&graph.op("CumSum", &[&ones, &graph.int(1)], &[])?, &graph.int(1))?;
    let tokens = names.tensor("token_embedding.weight", [vocabulary, width])?;
    let x = graph.gather(&graph.weight("token_embedding", tokens)?, &ids, 0)?;
    let added = names.tensor("positional_embedding", [context, width])?;
    let added = graph.gather(&graph.weight("positional_embedding", added)?, &places, 0)?;
    let x = graph.add(&x, &added)?;

    // A token sees itself and what stands before it.
    let later = [graph.unsqueeze(&places, &[1, 2])?, graph.unsqueeze(&places, &[1, 3])?];
    let later = graph.op("Greater", &[&later[0], &later[1]], &[])?;
    let mask = graph.op("Where", &[&later, &graph.scalar(f32::NEG_INFINITY), &graph.scalar(0.0)], &[])?;
    let x = Transformer { tower: "", width, layers, activation }.add(graph, names, &x, Some(&mask))?;

    // The end has the highest number; a row of one 1 takes its vector out.
    let end = graph.op("ArgMax", &[&ids], &[("axis", 1.into()), ("keepdims", 1.into())])?;
    let here = graph.op("Equal", &[&places, &end], &[])?;
    let here = graph.op("Cast", &[&here], &[("to", i64::from(tensor::FLOAT).into())])?;
    let x = graph.squeeze(&graph.matmul(&graph.unsqueeze(&here, &[1])?, &x)?, &[1])?;
    // A norm works on each token by itself, so that only that one needs it.
    let x = norm(&graph.scope("ln_final"), names, "ln_final", &x, width)?;
    let projection = names.projection("text_projection", width, embedding)?;
    graph.matmul(&x, &graph.weight("text_projection", projection)?)
}
