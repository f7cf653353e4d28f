use std::{convert::Infallible, io, net::TcpListener, sync::Arc, thread};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use metrics::counter;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::{net, runtime, sync::Semaphore, time};
use tracing::error;

use crate::{
    defaults::{OPS_ACCEPT_PAUSE, OPS_CONNECTIONS_MAX, OPS_REQUEST_TIMEOUT},
    output::log_lines_dropped,
};

/// A program with a readiness check and metrics.
pub trait Monitored: Send + Sync + 'static {
    /// Whether the program can serve.
    ///
    /// # Errors
    /// What it waits for, in a few words.
    fn ready(&self) -> Result<(), String>;

    /// Reports the metrics to the current recorder of the `metrics` crate.
    fn report(&self);
}

struct Endpoint<M> {
    program: M,
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// Serves `/healthz` (the process runs), `/readyz` (the program can serve; else 503 and what it
/// waits for) and `/metrics` (Prometheus) over HTTP until the process ends, one request a connection.
/// It has its own thread, so that a scrape never delays the data path.
///
/// # Errors
/// If the thread cannot be started.
pub fn serve(listener: TcpListener, program: impl Monitored) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let endpoint = Arc::new(Endpoint { program, recorder, handle });
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("ops".to_owned()).spawn(move || {
        match runtime.block_on(run(listener, endpoint)) {
            Ok(never) => match never {},
            Err(error) => {
                error!(%error, "the ops endpoint failed: no health checks or metrics until a restart");
            }
        }
    })?;
    Ok(())
}

async fn run<M: Monitored>(
    listener: TcpListener,
    endpoint: Arc<Endpoint<M>>,
) -> io::Result<Infallible> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(endpoint);
    let listener = net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(OPS_CONNECTIONS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Descriptors may be short for a moment.
            Err(_) => {
                time::sleep(OPS_ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Whoever opens many connections must not take the descriptors that the program needs.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let routes = TowerToHyperService::new(routes.clone());
        let served =
            http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), routes);
        tokio::spawn(async move {
            let _ = time::timeout(OPS_REQUEST_TIMEOUT, served).await;
            drop(place);
        });
    }
}

async fn readyz<M: Monitored>(State(endpoint): State<Arc<Endpoint<M>>>) -> (StatusCode, String) {
    match endpoint.program.ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(waits_for) => (StatusCode::SERVICE_UNAVAILABLE, format!("{waits_for}\n")),
    }
}

async fn metrics<M: Monitored>(State(endpoint): State<Arc<Endpoint<M>>>) -> String {
    metrics::with_local_recorder(&endpoint.recorder, || {
        endpoint.program.report();
        counter!("trunkline_log_lines_dropped_total").absolute(log_lines_dropped());
    });
    endpoint.handle.render()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        sync::atomic::{AtomicBool, Ordering},
    };

    use metrics::gauge;

    use super::*;

    struct Program(Arc<AtomicBool>);

    impl Monitored for Program {
        fn ready(&self) -> Result<(), String> {
            self.0.load(Ordering::Relaxed).then_some(()).ok_or("no link".to_owned())
        }

        fn report(&self) {
            gauge!("sessions").set(7.0);
        }
    }

    #[test]
    fn silent_connections_are_bounded_and_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, Program(Arc::default())).unwrap();
        let connect = |_| TcpStream::connect(address).unwrap();
        let mut silent: Vec<_> = (0..=OPS_CONNECTIONS_MAX).map(connect).collect();
        let mut read = |index: usize| silent[index].read(&mut [0]).unwrap();
        assert_eq!(read(OPS_CONNECTIONS_MAX), 0, "one more than there are places");
        assert_eq!(read(0), 0, "no request in time");
    }

    #[test]
    fn endpoint_serves_health_readiness_and_metrics() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ready = Arc::new(AtomicBool::new(false));
        serve(listener, Program(ready.clone())).unwrap();
        let get = |path: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            response
        };
        assert!(get("/healthz").starts_with("HTTP/1.0 200"));
        let response = get("/readyz");
        assert!(response.starts_with("HTTP/1.0 503") && response.ends_with("no link\n"));
        ready.store(true, Ordering::Relaxed);
        assert!(get("/readyz").starts_with("HTTP/1.0 200"));
        let metrics = get("/metrics");
        assert!(metrics.contains("\nsessions 7\n"), "{metrics}");
        assert!(metrics.contains("trunkline_log_lines_dropped_total 0\n"), "{metrics}");
    }
}
