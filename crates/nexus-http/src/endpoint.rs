//! Where a service listens.

use std::{fmt, str::FromStr, sync::Arc};

use url::{Host, Url};

/// The base URL of a service, `http` or `https`.
///
/// Requests append their path to the base's and keep its query, so `https://host/v3/KEY` and
/// `https://host/?apikey=KEY` both work.
///
/// # Security
/// `Display` and `Debug` show scheme, host and port only: user name, path and query often carry an API key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Arc<Url>);

/// Why a text isn't an endpoint. The text is left out: it may carry an API key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not a URL at all.
    #[error("not a URL, expected one like http://127.0.0.1:8545")]
    Url(#[source] url::ParseError),
    /// A URL of another scheme, such as `ws` or a host and port without scheme.
    #[error("URL scheme is {0:?}, expected http or https")]
    Scheme(String),
    /// The URL has a part after `#`, which is never sent.
    #[error("URL has a fragment (a part after '#'), which no server ever sees")]
    Fragment,
}

impl Endpoint {
    /// Says whether requests go over TLS.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Says whether the service is on this machine: `localhost`, `127.0.0.0/8` or `::1`.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// Returns the URL of a request: the base with `path` appended to its path and `query` to its query.
    pub(crate) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = Url::clone(&self.0);
        if !path.is_empty() {
            let base = self.0.path().trim_end_matches('/');
            url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Returns the endpoint that a `Location` header points to, seen from this one.
    pub(crate) fn redirected(&self, location: &str) -> Option<Self> {
        self.0.join(location).ok().map(|url| Self(Arc::new(url)))
    }

    fn hides_something(&self) -> bool {
        let url = &self.0;
        url.path() != "/" || url.query().is_some() || !url.username().is_empty() || url.password().is_some()
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(EndpointError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme(url.scheme().to_owned()));
        }
        if url.fragment().is_some() {
            return Err(EndpointError::Fragment);
        }
        Ok(Self(Arc::new(url)))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        if self.hides_something() { f.write_str("/…") } else { Ok(()) }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn shows_no_user_path_or_query() {
        for secret in
            ["https://u:KEY@host.example/", "https://host.example/v3/KEY", "https://host.example/?k=KEY"]
        {
            assert_eq!(endpoint(secret).to_string(), "https://host.example/…");
            assert_eq!(format!("{:?}", endpoint(secret)), "https://host.example/…");
        }
        assert_eq!(endpoint("http://127.0.0.1:5052").to_string(), "http://127.0.0.1:5052");
        assert_eq!(endpoint("http://[::1]:5052/").to_string(), "http://[::1]:5052");
    }

    #[test]
    fn requests_extend_path_and_query_of_the_base() {
        let base = endpoint("https://host.example/v3/KEY/?apikey=1");
        assert_eq!(
            base.url("/eth/v1/node", &[("id", "a b"), ("id", "c")]).as_str(),
            "https://host.example/v3/KEY/eth/v1/node?apikey=1&id=a+b&id=c"
        );
        assert_eq!(base.url("", &[]).as_str(), "https://host.example/v3/KEY/?apikey=1");
        assert_eq!(endpoint("http://host.example").url("/a", &[]).as_str(), "http://host.example/a");
    }

    #[test]
    fn endpoints_know_who_can_listen_in() {
        let known = |text: &str| (endpoint(text).is_encrypted(), endpoint(text).is_loopback());
        assert_eq!(known("https://operator.example:3030"), (true, false));
        assert_eq!(known("http://10.0.0.1:3030"), (false, false));
        for loopback in ["http://127.0.0.2", "http://[::1]:1", "http://LOCALHOST:1"] {
            assert_eq!(known(loopback), (false, true));
        }
        assert_eq!(known("http://localhost.example"), (false, false));
    }

    #[test]
    fn other_schemes_and_texts_are_refused_without_repeating_them() {
        assert_eq!("ws://h".parse::<Endpoint>(), Err(EndpointError::Scheme("ws".into())));
        assert!(matches!("localhost:8545".parse::<Endpoint>(), Err(EndpointError::Scheme(_))));
        assert_eq!("http://h/#x".parse::<Endpoint>(), Err(EndpointError::Fragment));
        let error = "host/KEY".parse::<Endpoint>().unwrap_err();
        assert!(!format!("{error:?}{error}").contains("KEY"));
    }
}
