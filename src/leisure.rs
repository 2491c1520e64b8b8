//! Work that takes its time, beside the tasks that would wait for it.
//!
//! Invariant: no more than [`LONG`] bytes of JSON are read or written while other tasks of the same thread wait, where the
//! runtime has another thread for them.

use std::io::{self, Write};

use bytes::Bytes;
use serde::Serialize;
use tokio::runtime::{Handle, RuntimeFlavor};

/// More bytes are read and written where others need not wait for it.
const LONG: usize = 256 * 1024;

/// Does `work`, which takes its time with so many bytes; for many, other tasks of this thread go on elsewhere meanwhile.
pub(crate) fn at_leisure<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let elsewhere = || Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > LONG && elsewhere() {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

/// Writes JSON. How long it will be shows only while it is written, so that one that is long is begun twice.
///
/// # Errors
/// The value's own.
pub(crate) fn to_json(value: &impl Serialize) -> serde_json::Result<Bytes> {
    let mut short = Short(Vec::with_capacity(128));
    match serde_json::to_writer(&mut short, value) {
        Ok(()) => Ok(short.0.into()),
        Err(full) if full.is_io() => at_leisure(usize::MAX, || serde_json::to_vec(value)).map(Bytes::from),
        Err(error) => Err(error),
    }
}

/// Takes what is not long, and refuses the rest.
struct Short(Vec<u8>);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONG {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use serde::Serializer;
    use serde::ser::Error;

    use super::*;

    /// What is written only when another task of the same thread has run.
    pub(crate) fn long() -> impl Serialize {
        let (ran, waits) = channel();
        tokio::spawn(async move { ran.send(()) });
        ("x".repeat(LONG), Waits(Mutex::new(waits)))
    }

    struct Waits(Mutex<Receiver<()>>);

    impl Serialize for Waits {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let other = self.0.lock().unwrap().recv_timeout(Duration::from_secs(10));
            other.map_err(|_| S::Error::custom("no other task ran meanwhile"))?;
            serializer.serialize_str("waited")
        }
    }

    pub(crate) fn on_one_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).build().unwrap();
        runtime.block_on(async { tokio::spawn(work).await.unwrap() })
    }

    #[test]
    fn others_go_on_while_a_long_answer_is_written() {
        let written = on_one_thread(async { to_json(&long()).map(|json| json.len()) });
        assert_eq!(written.unwrap(), LONG + r#"["","waited"]"#.len());
    }

    #[test]
    fn others_go_on_while_a_long_answer_is_read() {
        let ran = on_one_thread(async {
            let (ran, waits) = channel();
            tokio::spawn(async move { ran.send(()) });
            at_leisure(LONG + 1, move || waits.recv_timeout(Duration::from_secs(10)))
        });
        ran.expect("another task ran");
    }

    #[test]
    fn what_is_written_is_the_same_however_long() {
        for length in [0, 1, LONG - 2, LONG - 1, LONG, 3 * LONG] {
            let value = vec!["y".repeat(length)];
            assert_eq!(to_json(&value).unwrap(), serde_json::to_vec(&value).unwrap());
        }
        let wrong = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(to_json(&wrong).is_err(), "a key that is no text");
    }
}
