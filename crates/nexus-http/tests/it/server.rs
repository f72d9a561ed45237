//! A server that writes exactly the bytes a test wants.

use nexus_http::Endpoint;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// What a server does with a connection once the request's head has arrived.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Writes these bytes and closes.
    Answer(Vec<u8>),
    /// Writes the first bytes, then the second ones again and again until the client leaves.
    Repeat(Vec<u8>, Vec<u8>),
    /// Writes these bytes and then keeps silent, connection open.
    Hang(Vec<u8>),
    /// One byte after the other, with a pause in milliseconds between them.
    Drip(Vec<u8>, u64),
}

/// A server on loopback, and every request it received.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
}

pub(crate) async fn serve(behaviour: Behaviour) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/base?key=1", listener.local_addr().unwrap()).parse().unwrap();
    let (sender, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, behaviour.clone(), sender.clone()));
        }
    });
    Server { endpoint, requests }
}

async fn converse(mut stream: TcpStream, behaviour: Behaviour, requests: mpsc::UnboundedSender<String>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        request.extend_from_slice(&buffer[..read]);
        if read == 0 || is_complete(&request) {
            break;
        }
    }
    let _ = requests.send(String::from_utf8(request).unwrap());
    // A client that gives up closes the connection: write errors are expected and end the conversation.
    let _ = act(&mut stream, behaviour).await;
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

async fn act(stream: &mut TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Answer(bytes) => stream.write_all(&bytes).await?,
        Behaviour::Repeat(head, chunk) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        Behaviour::Hang(bytes) => {
            stream.write_all(&bytes).await?;
            stream.read_u8().await?;
        }
        Behaviour::Drip(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
        }
    }
    Ok(())
}

/// A complete answer with status 200.
pub(crate) fn ok(content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
