//! One exchange per kind of server.

use std::{error::Error as _, time::Duration};

use nexus_http::{HttpClient, HttpError, HttpLimits, HttpResponse, StatusCode};

use crate::server::{Behaviour, Server, ok, serve};

const LIMIT: usize = 10_000;

fn client(total_timeout: Duration) -> HttpClient {
    HttpClient::new(HttpLimits { total_timeout, max_body_bytes: LIMIT, ..HttpLimits::default() }).unwrap()
}

async fn get(server: &Server) -> Result<HttpResponse, HttpError> {
    client(Duration::from_secs(10)).get(&server.endpoint, "/a", &[]).await
}

async fn get_impatiently(server: &Server) -> Result<HttpResponse, HttpError> {
    client(Duration::from_millis(200)).get(&server.endpoint, "/a", &[]).await
}

#[tokio::test]
async fn request_and_answer_arrive_as_they_are() {
    let mut server = serve(Behaviour::Answer(ok("application/json", "[1,2]"))).await;
    let client = client(Duration::from_secs(10));
    let answer = client.get(&server.endpoint, "/eth/v1", &[("id", "x,y")]).await.unwrap();
    assert_eq!(
        (answer.status, answer.content_type.as_str(), answer.json::<Vec<u8>>().unwrap()),
        (StatusCode::OK, "application/json", vec![1, 2])
    );
    let request = server.requests.recv().await.unwrap();
    assert!(request.starts_with("GET /base/eth/v1?key=1&id=x%2Cy HTTP/1.1\r\n"), "{request}");

    client.post_json(&server.endpoint, "", &["z"]).await.unwrap();
    let request = server.requests.recv().await.unwrap();
    assert!(request.starts_with("POST /base?key=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n[\"z\"]"), "{request}");
}

#[tokio::test]
async fn bytes_are_posted_as_they_are() {
    let mut server = serve(Behaviour::Answer(ok("", "fine"))).await;
    let client = client(Duration::from_secs(10));
    let answer = client.post_bytes(&server.endpoint, "/init", b"raw bytes".as_slice().into()).await.unwrap();
    assert_eq!(&answer.body[..], b"fine");
    let request = server.requests.recv().await.unwrap();
    assert!(request.starts_with("POST /base/init?key=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nraw bytes"), "{request}");
    assert!(!request.contains("content-type"), "{request}");
}

#[tokio::test]
async fn another_deadline_keeps_the_other_limits() {
    let patient = client(Duration::from_secs(10));
    let hurried = patient.within(Duration::from_millis(200));
    assert_eq!(hurried.limits().max_body_bytes, patient.limits().max_body_bytes);
    let server = serve(Behaviour::Hang(Vec::new())).await;
    let error = hurried.get(&server.endpoint, "/a", &[]).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { after, .. } if after.as_millis() == 200), "{error:?}");
}

#[tokio::test]
async fn an_error_status_is_an_answer() {
    let body = b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy".to_vec();
    let server = serve(Behaviour::Answer(body)).await;
    let answer = get(&server).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::SERVICE_UNAVAILABLE, &b"busy"[..]));
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    for start in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[1,"] {
        let server = serve(Behaviour::Hang(start.to_vec())).await;
        let error = get_impatiently(&server).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
        assert!(error.is_unreachable());
        assert_eq!(error.to_string(), format!("{} did not answer completely within 0.2 s", server.endpoint));
    }
}

#[tokio::test]
async fn a_slow_drip_cannot_stretch_the_deadline() {
    let server = serve(Behaviour::Drip(ok("application/json", &"1".repeat(1_000)), 20)).await;
    let error = get_impatiently(&server).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_cap() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let server = serve(Behaviour::Repeat(head, vec![b' '; 1_000])).await;
    let error = get(&server).await.unwrap_err();
    assert!(matches!(error, HttpError::BodyTooLarge { limit: LIMIT, .. }), "{error:?}");
}

#[tokio::test]
async fn an_endless_chunked_body_is_cut_at_the_cap() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let server = serve(Behaviour::Repeat(head, b"4\r\naaaa\r\n".to_vec())).await;
    let error = get(&server).await.unwrap_err();
    assert!(matches!(error, HttpError::BodyTooLarge { limit: LIMIT, .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_announced_as_10_gb_is_refused_before_it_comes() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n".to_vec();
    // The server sends nothing after the head: only the announcement can end this exchange in time.
    let server = serve(Behaviour::Hang(head)).await;
    let error = get(&server).await.unwrap_err();
    assert!(matches!(error, HttpError::BodyTooLarge { limit: LIMIT, .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_accepted() {
    let server = serve(Behaviour::Answer(ok("text/plain", &"x".repeat(LIMIT)))).await;
    assert_eq!(get(&server).await.unwrap().body.len(), LIMIT);
    let server = serve(Behaviour::Answer(ok("text/plain", &"x".repeat(LIMIT + 1)))).await;
    assert!(get(&server).await.is_err());
}

#[tokio::test]
async fn an_html_page_is_recognised() {
    let server = serve(Behaviour::Answer(ok("text/html", "<!DOCTYPE html><title>Login</title>"))).await;
    let error = get(&server).await.unwrap().json::<Vec<u8>>().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} answered HTML, not JSON: is this the right URL?", server.endpoint)
    );
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    let head = b"HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/login?k=KEY\r\n\r\n".to_vec();
    let mut server = serve(Behaviour::Answer(head)).await;
    let error = get(&server).await.unwrap_err();
    assert!(error.to_string().contains("redirects to https://elsewhere.example/…:"), "{error}");
    assert!(server.requests.recv().await.is_some());
    assert!(server.requests.try_recv().is_err(), "asked once only");
}

#[tokio::test]
async fn a_refused_connection_names_the_endpoint_and_hides_the_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let endpoint = format!("http://{address}/KEY").parse().unwrap();
    let error = client(Duration::from_secs(10)).get(&endpoint, "/a", &[]).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&source.to_string());
        cause = source.source();
    }
    assert!(text.contains("refused"), "{text}");
    assert!(!text.contains("KEY"), "{text}");
}

#[tokio::test]
async fn a_connection_closed_without_answer_and_a_stranger_protocol_are_transport_errors() {
    for bytes in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n"] {
        let server = serve(Behaviour::Answer(bytes.to_vec())).await;
        let error = get(&server).await.unwrap_err();
        assert!(matches!(error, HttpError::Transport { .. }), "{error:?}");
    }
}
