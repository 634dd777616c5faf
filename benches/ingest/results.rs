//! `bench-results.json` in the target directory: what every benchmark measured last.
//!
//! A list of `{measure, value, unit, reference, ratio, floor, aim}`; ratio, floor and aim are turned
//! so that higher is better, and null where there is none.

use std::path::Path;

use serde_json::Value;

/// Puts results in the place of earlier ones of the same measures, and says where.
pub(crate) fn write(results: Vec<Value>) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in target");
    let path = target.join("bench-results.json");
    let earlier = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut all: Vec<Value> = earlier.unwrap_or_default();
    all.retain(|one| results.iter().all(|new| new["measure"] != one["measure"]));
    all.extend(results);
    let text = format!("{:#}\n", Value::from(all));
    std::fs::write(&path, text).expect("the target directory is writable");
    println!("written: {}", path.display());
}
