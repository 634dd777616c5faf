//! The metrics endpoint, as a scraper sees it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::bounded;

/// One scrape: each series with its value, as it is written.
#[derive(Debug)]
pub(crate) struct Scraped {
    pub(crate) text: String,
    values: BTreeMap<String, String>,
}

impl Scraped {
    /// The value of a series; nothing if it is not there.
    pub(crate) fn value(&self, series: &str) -> Option<&str> {
        self.values.get(series).map(String::as_str)
    }

    /// The series has this value.
    #[track_caller]
    pub(crate) fn is(&self, series: &str, value: u64) {
        let found = self.value(series);
        assert_eq!(found, Some(value.to_string().as_str()), "{series} in\n{}", self.text);
    }

    /// How many series begin so.
    pub(crate) fn count(&self, begin: &str) -> usize {
        self.values.keys().filter(|series| series.starts_with(begin)).count()
    }
}

/// Sends a request as it stands, and reads to the end of the connection.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = bounded(TcpStream::connect(address)).await.unwrap();
    // A server that has refused already takes no more.
    drop(bounded(stream.write_all(request.as_bytes())).await);
    let mut answer = Vec::new();
    drop(bounded(stream.read_to_end(&mut answer)).await);
    String::from_utf8(answer).unwrap()
}

/// Reads the metrics.
pub(crate) async fn scrape(address: SocketAddr) -> Scraped {
    let answer = exchange(address, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let (head, text) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let series = text.lines().filter(|line| !line.starts_with('#'));
    let values = series.map(|line| line.rsplit_once(' ').expect("a series has a value"));
    let values = values.map(|(series, value)| (series.to_owned(), value.to_owned())).collect();
    Scraped { text: text.to_owned(), values }
}
