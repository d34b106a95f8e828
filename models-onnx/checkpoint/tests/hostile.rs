//! Files that want something run, or memory, or time. None gets it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Write as _;
use std::time::{Duration, Instant};

use checkpoint::{Checkpoint, Error, Value};
use peak_alloc::PeakAlloc;
use support::{Entry, Pickle, entry, floats, torch_zip, zip};

/// Counts what all tests of this file hold together.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Two million objects of the machine, and the names of half a million things: more than any file can ask for.
const BYTES: usize = 512 << 20;
/// Generous, because tests run beside each other on slow machines.
const TIME: Duration = Duration::from_secs(20);

/// Reads a file, and sees that it does so in bounded time and memory.
fn read(bytes: Vec<u8>) -> Result<Checkpoint, Error> {
    let start = Instant::now();
    let read = Checkpoint::read(bytes);
    assert!(read.as_ref().err().is_none_or(|error| error.to_string().len() < 2000));
    assert!(start.elapsed() < TIME, "{:?}", start.elapsed());
    assert!(MEMORY.peak_usage() < BYTES, "{} bytes", MEMORY.peak_usage());
    read
}

/// The sentence for a file that must not be read.
fn refusal(bytes: Vec<u8>) -> String {
    read(bytes).expect_err("this file must be refused").to_string()
}

/// A dictionary with one entry beside a sound tensor, in a file of `torch.save`.
fn beside(what: impl FnOnce(Pickle) -> Pickle) -> Checkpoint {
    let pickle = Pickle::new().raw("}(").text("sound").tensor(4, 0, &[4], &[1]).text("bad");
    let checkpoint = read(torch_zip(what(pickle).raw("u").end())).unwrap();
    assert_eq!(checkpoint.f32("sound").unwrap().as_slice(), Some(&[0.0, 1.0, 2.0, 3.0][..]));
    checkpoint
}

/// Why the tensor `bad` is refused.
fn why(what: impl FnOnce(Pickle) -> Pickle) -> String {
    let checkpoint = beside(what);
    let error = checkpoint.f32("bad").expect_err("this tensor must be refused");
    assert!(matches!(&error, Error::Refused { name, .. } if name == "bad"), "{error}");
    assert_eq!(checkpoint.shape("bad"), None);
    assert!(checkpoint.names().all(|name| name != "bad"));
    error.to_string()
}

#[test]
fn nothing_is_called() {
    let marker = std::env::temp_dir().join(format!("pentimento-hostile-{}", std::process::id()));
    let command = format!("touch {}", marker.display());
    for name in
        ["os.system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.exec", "nt.system"]
    {
        let checkpoint = beside(|pickle| pickle.call(name, &command));
        assert_eq!(checkpoint.value("bad"), Some(&Value::StandIn(name.into())));
        assert_eq!(checkpoint.value("bad.args.0").and_then(Value::text), Some(&*command));
        assert!(why(|pickle| pickle.call(name, &command)).contains(name));
    }
    // What one call returns, called again: getattr(os, "system")("…").
    let checkpoint = beside(|pickle| {
        let function = pickle.global("builtins.getattr").raw("(").global("os.path").text("system").raw("tR");
        function.raw("(").text(&command).raw("tR")
    });
    assert_eq!(checkpoint.value("bad"), Some(&Value::StandIn("the result of another call".into())));
    // By the other instructions that make objects: NEWOBJ, INST, OBJ, BUILD with __setstate__, and a bare class.
    let newobj = beside(|pickle| pickle.global("os.system").raw("(").text(&command).raw([b't', 0x81]));
    assert_eq!(newobj.value("bad"), Some(&Value::StandIn("os.system".into())));
    let inst = beside(|pickle| pickle.raw("(").text(&command).raw("ios\nsystem\n"));
    assert_eq!(inst.value("bad"), Some(&Value::StandIn("os.system".into())));
    let obj = beside(|pickle| pickle.raw("(").global("os.system").text(&command).raw("o"));
    assert_eq!(obj.value("bad"), Some(&Value::StandIn("os.system".into())));
    let build =
        beside(|pickle| pickle.raw("(ios\nsystem\n}").text("__setstate__").global("os.system").raw("sb"));
    assert_eq!(build.value("bad.__setstate__"), Some(&Value::StandIn("os.system".into())));
    assert!(!marker.exists());
}

#[test]
fn tensors_that_depend_on_strangers_are_refused_by_name() {
    let begin = |pickle: Pickle| pickle.global("torch._utils._rebuild_tensor_v2").raw("(");
    let end = |pickle: Pickle| pickle.raw(b"\x89NtR");
    let evil = |pickle: Pickle| pickle.call("builtins.eval", "1");
    let storage = |pickle: Pickle| pickle.storage("torch.FloatStorage", "0", 4);
    let said = why(|pickle| end(evil(begin(pickle)).int(0).ints(&[4]).ints(&[1])));
    assert_eq!(
        said,
        "the tensor “bad” cannot be read: its storage would be made by builtins.eval, which is never called here"
    );
    assert!(why(|pickle| end(evil(storage(begin(pickle))).ints(&[4]).ints(&[1]))).contains("builtins.eval"));
    assert!(why(|pickle| end(evil(storage(begin(pickle)).int(0)).ints(&[1]))).contains("builtins.eval"));
    assert!(why(|pickle| end(evil(storage(begin(pickle)).int(0).ints(&[4])))).contains("builtins.eval"));
    // The bytes of a storage, the storage's class, a wrapped tensor, a tensor by an unknown function.
    let said = why(|pickle| {
        let bytes =
            begin(pickle).global("torch.storage._load_from_bytes").raw("(").call("builtins.eval", "1");
        end(bytes.raw("tR").int(0).ints(&[4]).ints(&[1]))
    });
    assert!(said.contains("builtins.eval"), "{said}");
    let said = why(|pickle| end(begin(pickle).storage("os.system", "0", 4).int(0).ints(&[4]).ints(&[1])));
    assert!(said.contains("os.system"), "{said}");
    let said = why(|pickle| {
        pickle.global("torch._utils._rebuild_sparse_tensor").raw("(").tensor(4, 0, &[4], &[1]).raw("tR")
    });
    assert!(said.contains("_rebuild_sparse_tensor"), "{said}");
    let numpy = why(|pickle| {
        let dtype = pickle
            .global("numpy.core.numeric._frombuffer")
            .raw("(")
            .bytes(&floats(4))
            .call("builtins.eval", "1");
        dtype.ints(&[4]).text("C").raw("tR")
    });
    assert!(numpy.contains("builtins.eval"), "{numpy}");
}

#[test]
fn lying_tensors() {
    let tensor = |elements, offset, sizes: &'static [i64], strides: &'static [i64]| {
        why(move |pickle| pickle.tensor(elements, offset, sizes, strides))
    };
    for said in [
        tensor(5, 0, &[4], &[1]),
        tensor(-1, 0, &[4], &[1]),
        tensor(i64::MAX, 0, &[4], &[1]),
        tensor(4, 0, &[-4], &[1]),
        tensor(4, 0, &[4], &[-1]),
        tensor(4, -1, &[4], &[1]),
        tensor(4, 1, &[4], &[1]),
        tensor(4, i64::MAX, &[4], &[1]),
        tensor(4, 0, &[4], &[2]),
        tensor(4, 0, &[2, 2], &[i64::MAX, i64::MAX]),
        tensor(4, 0, &[i64::MAX, i64::MAX, 4], &[0, 0, 1]),
        tensor(4, 0, &[1 << 40], &[0]),
        tensor(4, 0, &[0, i64::MAX, i64::MAX], &[1, 1, 1]),
        tensor(4, 0, &[4, 1], &[1]),
        tensor(4, 0, &[1; 40], &[1; 40]),
        tensor(4, 0, &[1; 4000], &[1; 4000]),
    ] {
        assert!(said.starts_with("the tensor “bad” cannot be read: "), "{said}");
    }
    // The same numbers as a smaller view are fine.
    assert_eq!(
        beside(|pickle| pickle.tensor(4, 1, &[2], &[2])).f32("bad").unwrap().as_slice(),
        Some(&[1.0, 3.0][..])
    );
}

#[test]
fn references_of_a_wrong_form() {
    let end = |pickle: Pickle| pickle.int(0).ints(&[4]).ints(&[1]).raw(b"\x89NtR");
    let begin = |pickle: Pickle| pickle.global("torch._utils._rebuild_tensor_v2").raw("(");
    let references: [fn(Pickle) -> Pickle; 8] = [
        |pickle| pickle.raw("NQ"),
        |pickle| pickle.raw("P0\n"),
        |pickle| pickle.raw(")Q"),
        |pickle| pickle.text("storage").raw("Q"),
        |pickle| {
            pickle.raw("(").text("storage").text("torch.FloatStorage").text("0").text("cpu").int(4).raw("tQ")
        },
        |pickle| pickle.storage("torch.FloatStorage", "1", 4),
        |pickle| pickle.storage("torch.FloatStorage", "../data/0", 4),
        |pickle| pickle.storage("torch.FloatStorage", &"0".repeat(10_000), 4),
    ];
    for reference in references {
        let said = why(|pickle| end(reference(begin(pickle))));
        assert!(said.len() < 300, "{said}");
    }
}

#[test]
fn instructions_that_refer_outside_are_refused() {
    for instruction in [&b"\x82\x01"[..], b"\x83\x01\0", b"\x84\x01\0\0\0", b"\x97", b"\x98", b"\xff", b"\0"]
    {
        let said = refusal(torch_zip(Pickle::new().raw(instruction).end()));
        assert!(said.contains("pickle instruction"), "{said}");
    }
    assert!(refusal(torch_zip(vec![0x80, 6, b'N', b'.'])).contains("protocol 6"));
}

#[test]
fn machines_that_stumble() {
    for program in [
        &b"."[..],
        b"0.",
        b"2.",
        b"a.",
        b"Na.",
        b"NNa.",
        b"s.",
        b"}Ns.",
        b"u.",
        b"}(Nu.",
        b"e.",
        b"t.",
        b"1.",
        b"(1.",
        b"\x85.",
        b"N\x86.",
        b"R.",
        b"NR.",
        b"b.",
        b"Nb.",
        b"NNb.",
        b"h\0.",
        b"q\0.",
        b"g1\n.",
        b"gx\n.",
        b"p-1\n.",
        b"Ix\n.",
        b"Lx\n.",
        b"Fx\n.",
        b"S'\n.",
        b"S\n.",
        b"V\\u00\n.",
        b"\x93.",
        b"NN\x93.",
        b"(o.",
        b"o.",
        b"Q.",
        b"(N0.",
        b"(0.",
        b"\x94.",
        b"\x92.",
        b"\x81.",
        b"\x90.",
        b"\x91.",
        b"d.",
        b"(Nd.",
        b"l.",
    ] {
        let said = refusal(torch_zip([&[0x80, 2], program].concat()));
        assert!(said.contains("damaged"), "{program:?}: {said}");
    }
}

#[test]
fn cycles() {
    // A list in itself, and a dictionary that holds the list that holds it.
    let pickle = Pickle::new().raw("]q\0h\0a").end();
    let checkpoint = read(pickle).unwrap();
    assert_eq!(checkpoint.value("0"), Some(&Value::Cycle));
    let pickle = Pickle::new().raw("}q\0").text("a").raw("]q\x01h\0ah\x01as").end();
    let checkpoint = read(pickle).unwrap();
    assert_eq!(checkpoint.value("a.0"), Some(&Value::Cycle));
    assert_eq!(checkpoint.value("a.1"), Some(&Value::Cycle));
    // An object that is its own state.
    let checkpoint = read(Pickle::new().global("a.B").raw(")Rq\0h\0b").end()).unwrap();
    assert_eq!(checkpoint.value("state"), Some(&Value::Cycle));
}

#[test]
fn depth() {
    const DEEP: usize = 1_000_000;
    let lists = ["]".repeat(DEEP), "a".repeat(DEEP - 1)].concat();
    let tuples = [&b"N"[..], &vec![0x85; DEEP]].concat();
    let calls = [&b"ca\nb\n"[..], &b")R".repeat(DEEP / 2)].concat();
    let arguments = [&b"ca\nb\n".repeat(DEEP / 2)[..], b"N", &b"\x85R".repeat(DEEP / 2)].concat();
    let called = read(Pickle::new().raw(calls).end()).unwrap();
    assert_eq!(called.value(""), Some(&Value::StandIn("the result of another call".into())));
    let parameter = [
        &b"ctorch._utils\n_rebuild_parameter\nq\0"[..],
        &b"h\0".repeat(DEEP / 4)[..],
        b"N",
        &b"\x85R".repeat(DEEP / 4),
    ]
    .concat();
    for program in [lists.as_bytes(), &tuples, &arguments] {
        let said = refusal(Pickle::new().raw(program).end());
        assert!(said.contains("levels of nesting") || said.contains("objects"), "{said}");
    }
    let wrapped = read(Pickle::new().raw(parameter).end()).unwrap();
    assert!(wrapped.f32("tensor").unwrap_err().to_string().contains("wrapped"));
    assert!(refusal(Pickle::new().raw("(".repeat(3_000_000)).end()).contains("marks"));
}

/// Each level holds the one before it ten times over.
fn laughs(levels: usize, first: &str, wrap: fn(String) -> String) -> Vec<u8> {
    let mut program = format!("{first}q\0");
    for level in 0..levels {
        let inside = format!("h{}", char::from(u8::try_from(level).unwrap())).repeat(10);
        let next = char::from(u8::try_from(level + 1).unwrap());
        program += &format!("{}q{next}", wrap(inside));
    }
    Pickle::new().raw(program).end()
}

#[test]
fn billions_of_laughs() {
    let list = |inside| format!("]({inside}e");
    let tuple = |inside| format!("({inside}t");
    let call = |inside| format!("ca\nb\n({inside}tR");
    let ordered = |inside| format!("ccollections\nOrderedDict\n)R({inside}u");
    for bomb in
        [laughs(40, "N", list), laughs(40, "]", tuple), laughs(40, ")", call), laughs(40, "K\x01", ordered)]
    {
        let said = refusal(bomb);
        assert!(said.contains("named things") || said.contains("bytes of names"), "{said}");
    }
    // Long names on every level.
    let key = "k".repeat(500);
    let nested = (0..100)
        .fold(Pickle::new(), |pickle, _| pickle.raw("}").text(&key))
        .raw("](")
        .raw("N".repeat(100_000));
    let said = refusal(nested.raw("e").raw("s".repeat(100)).end());
    assert!(said.contains("bytes of names"), "{said}");
    // One dictionary of a hundred thousand entries that mean nothing, as the description of many persistent objects.
    let meta = (0..50_000).fold(Pickle::new().raw("}q\0("), |pickle, _| pickle.raw("NN")).raw("u0](");
    let persistent = "ctorch_utils.persistence\n_reconstruct_persistent_obj\nh\0\u{85}R";
    let persistent: Vec<u8> = persistent.chars().map(|letter| letter as u8).collect();
    let said = refusal(meta.raw(persistent.repeat(2_000)).raw("e").end());
    assert!(said.contains("named things"), "{said}");
}

#[test]
fn too_much_of_everything() {
    assert!(refusal(Pickle::new().raw("N0".repeat(3_000_000)).end()).contains("objects"));
    assert!(refusal(Pickle::new().raw("N").raw("20".repeat(9_000_000)).end()).contains("instructions"));
    let puts = (0..3_000_000_u32).fold(vec![0x80, 2, b'N'], |mut program, at| {
        program.push(b'r');
        program.extend(at.to_le_bytes());
        program
    });
    assert!(refusal(puts).contains("remembered"));
    assert!(read(Pickle::new().raw(b"Nr\xff\xff\xff\xff").end()).is_ok());
    let texts = (0..1100).fold(Pickle::new(), |pickle, _| pickle.text(&"x".repeat(65_000)));
    assert!(refusal(texts.end()).contains("bytes of text"));
    assert!(refusal([b"\x80\x02V", &vec![b'x'; 20 << 20][..], b"\n."].concat()).contains("letters"));
    // Lengths of which nothing is there.
    for claim in [
        &b"X\xff\xff\xff\xff"[..],
        b"B\xff\xff\xff\x7f",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\xff",
        b"T\xff\xff\xff\xff",
    ] {
        assert!(refusal(Pickle::new().raw(claim).end()).contains("cut off"));
    }
    // A refused tensor that half a million names refer to.
    let refused =
        Pickle::new().tensor(4, 0, &[2; 31], &[1; 31]).raw("q\x010](").raw("h\x01".repeat(500_000)).raw("e");
    assert_eq!(read(torch_zip(refused.end())).unwrap().refused().count(), 500_000);
}

/// The same bytes, decoded or read for a hundred thousand different tensors.
#[test]
fn bytes_that_many_refer_to() {
    const TENSORS: usize = 100_000;
    let dtype = Pickle::new().raw("cnumpy\ndtype\n(").text("u1").raw("tRq\x01)q\x020").raw("0");
    let letters = dtype.clone().text(&"x".repeat(60_000)).raw("q\x000](");
    let encoded =
        b"cnumpy.core.numeric\n_frombuffer\n(c_codecs\nencode\n(h\0X\x06\0\0\0latin1tRh\x01h\x02NtR";
    let checkpoint = read(letters.raw(encoded.repeat(TENSORS)).raw("e").end()).unwrap();
    assert_eq!(checkpoint.f32("99999").unwrap().sum(), 120.0);
    let raw = dtype.raw("S'").raw("x".repeat(60_000)).raw("'\nq\x000](");
    let plain = b"cnumpy.core.numeric\n_frombuffer\n(h\0h\x01h\x02NtR";
    let checkpoint = read(raw.raw(plain.repeat(TENSORS)).raw("e").end()).unwrap();
    assert_eq!(checkpoint.names().count(), TENSORS);
    // One stream of PyTorch inside, of fifty thousand objects and the wrong form.
    let mut stream =
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02".to_vec();
    stream.extend("N0".repeat(50_000).bytes());
    stream.extend(b"N.\x80\x02].");
    let storage = b"ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\n(h\0tRK\0))NNtR";
    let many = Pickle::new().bytes(&stream).raw("q\x000](").raw(storage.repeat(TENSORS)).raw("e");
    assert_eq!(read(many.end()).unwrap().refused().count(), TENSORS);
}

#[test]
fn zips_that_lie() {
    let pickle = Pickle::new().raw("}").text("a").tensor(4, 0, &[4], &[1]).raw("s").end();
    let data = entry("archive/data.pkl", &pickle);
    let numbers = entry("archive/data/0", &floats(4));
    let sound = zip(&[data.clone(), numbers.clone()]);
    assert!(read(sound.clone()).unwrap().f32("a").is_ok());
    for name in ["../data.pkl", "archive/../../x", "/etc/passwd", "archive\\..\\x", "C:\\x", "./x"] {
        let said = refusal(zip(&[data.clone(), entry(name, b"")]));
        assert!(said.contains("leads out"), "{name}: {said}");
    }
    assert!(refusal(zip(&[data.clone(), entry(&"x".repeat(60_000), b"")])).contains("endless name"));
    assert!(refusal(zip(&[data.clone(), entry(&"/".repeat(60_000), b"")])).contains("leads out"));
    type Lie = fn(&mut Entry);
    let lies: [(&str, Lie); 8] = [
        ("two lengths", |entry| entry.len += 1),
        ("beyond the end", |entry| (entry.len, entry.packed) = (1 << 20, 1 << 20)),
        ("two names", |entry| entry.local_name = "archive/data/1".into()),
        ("encrypted", |entry| entry.flags = 1),
        ("method 93", |entry| entry.method = 93),
        ("outside the file", |entry| entry.at = Some(u32::MAX - 1)),
        ("outside the file", |entry| entry.at = Some(1)),
        ("two names", |entry| entry.at = Some(0)),
    ];
    for (said, lie) in lies {
        let mut numbers = numbers.clone();
        lie(&mut numbers);
        let refused = refusal(zip(&[data.clone(), numbers]));
        assert!(refused.contains(said), "{refused}");
    }
    assert!(refusal(zip(&[data.clone(), numbers.clone(), numbers.clone()])).contains("one name"));
    // An entry that reaches over the next one.
    let mut over = entry("archive/data/0", &floats(4));
    (over.len, over.packed) = (40, 40);
    assert!(refusal(zip(&[data.clone(), over, entry("archive/data/1", &floats(4))])).contains("overlap"));
    assert!(refusal(zip(&[])).contains("not one that PyTorch"));
    assert!(refusal(zip(&[entry("readme.txt", b"")])).contains("unpack it"));
    assert!(refusal(zip(&[data.clone(), entry("other/data.pkl", &pickle)])).contains("unpack it"));
    assert!(refusal(zip(&[data.clone(), entry("archive/byteorder", b"big")])).contains("big-endian"));
    // A count that the table does not hold, in 16 and in 64 bits.
    let mut many = sound.clone();
    let end = many.len() - 22;
    many[end + 10..end + 12].fill(0xfe);
    assert!(refusal(many).contains("shorter"));
    assert!(refusal(with_zip64(&sound, u64::MAX, 0, 0)).contains("does not lie"));
    let table = u64::from(u32::from_le_bytes(*sound[end + 12..].first_chunk().unwrap()));
    let start = u64::from(u32::from_le_bytes(*sound[end + 16..].first_chunk().unwrap()));
    assert!(read(with_zip64(&sound, 2, table, start)).is_ok());
    assert!(refusal(with_zip64(&sound, u64::MAX, table, start)).contains("shorter"));
    assert!(refusal(with_zip64(&sound, 1, table, start)).contains("longer"));
    assert!(refusal(with_zip64(&sound, 2, u64::MAX, start)).contains("bytes in the table"));
    assert!(refusal(with_zip64(&sound, 2, table, u64::MAX)).contains("does not lie"));
}

/// The same zip with a 64-bit record that says something of its own.
fn with_zip64(sound: &[u8], count: u64, table: u64, start: u64) -> Vec<u8> {
    let (body, end) = sound.split_at(sound.len() - 22);
    let mut file = body.to_vec();
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([0; 12]);
    for value in [
        count,
        count,
        if table == 0 { 1 << 40 >> 20 } else { table },
        if table == 0 { u64::MAX } else { start },
    ] {
        file.extend(value.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend((body.len() as u64).to_le_bytes());
    file.extend([1, 0, 0, 0]);
    file.extend(end);
    file
}

fn deflated(name: &str, bytes: &[u8], len: u32) -> Entry {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    Entry { len, method: 8, ..entry(name, &packed) }
}

#[test]
fn deflate_bombs() {
    let zeros = vec![0; 64 << 20];
    let pickle = Pickle::new().raw("}").text("a").tensor(4, 0, &[4], &[1]).raw("s").end();
    let data = entry("archive/data.pkl", &pickle);
    // It says four floats and unfolds to 64 MiB; it says more than an entry may have; it is no deflated stream.
    let checkpoint = read(zip(&[data.clone(), deflated("archive/data/0", &zeros, 16)])).unwrap();
    assert!(checkpoint.f32("a").unwrap_err().to_string().contains("another length"));
    let checkpoint = read(zip(&[data.clone(), deflated("archive/data/0", &zeros, u32::MAX)])).unwrap();
    assert!(checkpoint.f32("a").unwrap_err().to_string().contains("compressed entry"));
    let mut broken = deflated("archive/data/0", &floats(4), 16);
    broken.bytes.fill(0xff);
    let checkpoint = read(zip(&[data, broken])).unwrap();
    assert!(checkpoint.f32("a").unwrap_err().to_string().contains("compressed entry"));
    assert!(refusal(zip(&[deflated("archive/data.pkl", &zeros, 100)])).contains("another length"));
    let many: Vec<_> = (0..5_000).map(|index| entry(&format!("{index}.npy"), b"")).collect();
    assert!(refusal(zip(&many)).contains("arrays in one file"));
    let npz = read(zip(&[deflated("a.npy", &zeros, 64 << 20)])).unwrap();
    assert!(npz.f32("a").unwrap_err().to_string().contains("start like one"));
}

/// An entry that says it is shorter than the description inside it: found by the fuzzer.
#[test]
fn deflated_array_shorter_than_its_description() {
    let array = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", &floats(4));
    let npz = |len| read(zip(&[deflated("a.npy", &array, len)])).unwrap().f32("a");
    assert!(npz(u32::try_from(array.len()).unwrap()).is_ok());
    assert!(npz(20).unwrap_err().to_string().contains("cut off"));
    assert!(npz(80).is_err());
}

fn npy(header: &str, numbers: &[u8]) -> Vec<u8> {
    let len = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &len[..], header.as_bytes(), numbers].concat()
}

#[test]
fn numpy_files_that_lie() {
    let header = |code: &str, shape: &str| {
        format!("{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}\n")
    };
    assert!(read(npy(&header("<f4", "(4,)"), &floats(4))).unwrap().f32("tensor").is_ok());
    assert!(refusal(npy(&header("<f4", "(5,)"), &floats(4))).contains("cut off"));
    for (code, shape) in [
        ("<f4", "(18446744073709551615, 18446744073709551615)"),
        ("<c8", "(2,)"),
        (">f4", "(4,)"),
        ("<f4", &format!("({})", "1,".repeat(60))),
    ] {
        let bad = read(npy(&header(code, shape), &floats(4)));
        assert!(bad.is_err() || bad.unwrap().f32("tensor").is_err(), "{code} {shape}");
    }
    for text in [header("<f4", "(-1,)"), header("<f4", "4"), String::new(), "{'descr': ".into()] {
        assert!(refusal(npy(&text, &floats(4))).contains("array described as"));
    }
    let evil = Pickle::new().call("os.system", "x").end();
    let checkpoint = read(npy(&header("|O", "()"), &evil)).unwrap();
    assert_eq!(checkpoint.value(""), Some(&Value::StandIn("os.system".into())));
    assert!(refusal(b"\x93NUMPY\x02\0\xff\xff\xff\xff".to_vec()).contains("description of an array"));
}

#[test]
fn safetensors_that_lie() {
    let file =
        |header: &str| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &floats(4)].concat();
    let one = |shape: &str, place: &str| {
        file(&format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{place}}}}}"#))
    };
    assert!(read(one("[2,2]", "[0,16]")).unwrap().f32("a").is_ok());
    assert!(refusal(one("[2,2]", "[0,17]")).contains("cut off"));
    assert!(refusal(one("[2,2]", "[8,4]")).contains("place"));
    assert!(refusal(one("[2,2]", "[0,18446744073709551615]")).contains("cut off"));
    assert!(refusal(one("[2]", "[0,16]")).contains("does not fit"));
    assert!(refusal(one("[4294967296,4294967296,4294967296]", "[0,16]")).contains("does not fit"));
    assert!(refusal(one("[-2]", "[0,16]")).contains("damaged"));
    let twice = r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#;
    assert!(read(file(twice)).unwrap().f32("a").unwrap_err().to_string().contains("two tensors"));
    let eight = r#"{"a":{"dtype":"F8_E4M3","shape":[16],"data_offsets":[0,16]}}"#;
    assert!(read(file(eight)).unwrap().f32("a").unwrap_err().to_string().contains("F8_E4M3"));
    assert!(refusal([&u64::MAX.to_le_bytes()[..], b"{"].concat()).contains("unknown kind"));
    assert!(refusal([&(1_u64 << 20).to_le_bytes()[..], b"{}"].concat()).contains("cut off"));
    let long = format!(r#"{{"{}":{{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}}}"#, "x".repeat(60_000));
    assert!(refusal(file(&long)).contains("endless name"));
    let steering = r#"{"\u001b[31m":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#;
    assert_eq!(read(file(steering)).unwrap().names().collect::<Vec<_>>(), ["\u{fffd}[31m"]);
    assert!(refusal(file(&"[".repeat(100_000))).contains("unknown kind"));
    assert!(refusal(file(&format!("{{\"a\":{}", "[".repeat(100_000)))).contains("damaged"));
}

#[test]
fn other_files() {
    for (bytes, said) in [
        (&b""[..], "empty"),
        (b"  <!DOCTYPE html><html>", "web page"),
        (b"\n<HTML>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "git lfs pull"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x89PNG\r\n", "picture"),
        (b"hello", "unknown kind"),
    ] {
        let refused = refusal(bytes.to_vec());
        assert!(refused.contains(said), "{refused}");
    }
    let missing = Checkpoint::open("/nowhere/x.pt").unwrap_err().to_string();
    assert!(missing.ends_with("(/nowhere/x.pt)"), "{missing}");
}

/// Whatever a download left out: the sentence says so, and what to do.
#[test]
fn cut_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut cut = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "json" || end == "py") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        // The first bytes alone do not tell what it was going to be.
        for len in (40..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
            let said = refusal(bytes[..len].to_vec());
            assert!(said.contains("download it again"), "{} cut to {len}: {said}", path.display());
            cut += 1;
        }
    }
    assert!(cut > 5000, "{cut}");
}
