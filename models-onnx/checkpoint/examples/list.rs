//! Lists what a checkpoint holds: `cargo run --release -p pentimento-checkpoint --example list -- FILE`.

use checkpoint::{Checkpoint, Error};

fn main() -> Result<(), Error> {
    let Some(path) = std::env::args_os().nth(1) else {
        println!("which file?");
        return Ok(());
    };
    let checkpoint = Checkpoint::open(path)?;
    println!("{:?}, {} bytes", checkpoint.kind(), checkpoint.size());
    for name in checkpoint.names() {
        println!("{name} {:?} {:?}", checkpoint.dtype(name), checkpoint.shape(name));
    }
    for (name, why) in checkpoint.refused() {
        println!("{name} refused: {why}");
    }
    for (name, value) in checkpoint.values() {
        println!("{name} = {value:?}");
    }
    Ok(())
}
