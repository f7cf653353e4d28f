use std::{io, net::TcpListener, sync::Arc, thread};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics::counter;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::{net, runtime};
use tracing::error;

use crate::output::log_lines_dropped;

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
/// waits for) and `/metrics` (Prometheus) over HTTP until the process ends. It has its own thread,
/// so that a scrape never delays the data path.
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
        if let Err(error) = runtime.block_on(run(listener, endpoint)) {
            error!(%error, "the ops endpoint failed: no health checks or metrics until a restart");
        }
    })?;
    Ok(())
}

async fn run<M: Monitored>(listener: TcpListener, endpoint: Arc<Endpoint<M>>) -> io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(endpoint);
    axum::serve(net::TcpListener::from_std(listener)?, routes).await
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
