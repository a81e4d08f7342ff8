//! The shared libraries that programs need on a machine that may have none of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::command;

/// The C library and its loader: those of the machine, which its drivers were built for.
const OF_THE_MACHINE: [&str; 9] = [
    "linux-vdso.so",
    "ld-linux",
    "libc.so",
    "libm.so",
    "libdl.so",
    "libpthread.so",
    "librt.so",
    "libresolv.so",
    "libutil.so",
];
/// What the browser's cryptography loads by name, from the folder of the library that does.
const LOADED_BY_NAME: [&str; 3] = ["libsoftokn3.so", "libfreeblpriv3.so", "libnssckbi.so"];
const THAT_LOADS: &str = "libnss3.so";

/// The files of all libraries that `programs` are linked with, but those of the machine.
pub fn of(programs: &[&Path]) -> Result<Vec<PathBuf>> {
    let mut found = BTreeMap::new();
    for program in programs {
        let output = command("ldd").arg(program).output().context("cannot run ldd")?;
        let text = String::from_utf8_lossy(&output.stdout);
        for (name, file) in listed(&text) {
            let Some(file) = file else { bail!("{} needs {name}, which is not there", program.display()) };
            found.insert(name, file);
        }
    }
    if let Some(folder) = found.get(THAT_LOADS).and_then(|file| file.parent()).map(Path::to_owned) {
        for name in LOADED_BY_NAME {
            let places = [folder.join(name), folder.join("nss").join(name)];
            if let Some(file) = places.into_iter().find(|file| file.is_file()) {
                found.insert(name.to_owned(), file);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Names of libraries and where they are, of what `ldd` prints.
fn listed(text: &str) -> Vec<(String, Option<PathBuf>)> {
    let of_line = |line: &str| {
        let (name, place) = line.trim().split_once(" => ")?;
        let is_of_the_machine = OF_THE_MACHINE.iter().any(|prefix| name.starts_with(prefix));
        let place = place.split(" (").next().filter(|place| place.starts_with('/')).map(PathBuf::from);
        (!is_of_the_machine).then(|| (name.to_owned(), place))
    };
    text.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_but_those_of_the_machine_are_listed() {
        let text = "\tlinux-vdso.so.1 (0x00007ff4f5667000)\n\
                    \tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007efe20800000)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007ff4efd3e000)\n\
                    \tlibnss3.so => not found\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007ff4f5669000)\n";
        let stdcpp = PathBuf::from("/lib/x86_64-linux-gnu/libstdc++.so.6");
        assert_eq!(listed(text), [("libstdc++.so.6".to_owned(), Some(stdcpp)), ("libnss3.so".to_owned(), None)]);
        assert!(listed("\tstatically linked\n").is_empty());
    }
}
