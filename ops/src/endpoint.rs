use std::{io, net::TcpListener, sync::Arc, thread};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics::counter;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::{net, runtime};
use tracing::error;

use crate::log_lines_dropped;

/// A program that can be asked how it is.
pub trait Observed: Send + Sync + 'static {
    /// Whether it does what it is there for.
    ///
    /// # Errors
    /// What it waits for, in a few words.
    fn ready(&self) -> Result<(), String>;

    /// Reports its figures to the recorder of the `metrics` crate that is current.
    fn report(&self);
}

struct Endpoint<O> {
    program: O,
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// Serves `/healthz` (the process runs), `/readyz` (it does what it is there for; else 503 and what
/// it waits for) and `/metrics` (Prometheus) over HTTP, on a thread of its own, for as long as the
/// process runs.
///
/// # Errors
/// If the thread cannot be started.
pub fn serve(listener: TcpListener, program: impl Observed) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let endpoint = Arc::new(Endpoint { program, recorder, handle });
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("ops".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(run(listener, endpoint)) {
            error!(%error, "the ops endpoint ended");
        }
    })?;
    Ok(())
}

async fn run<O: Observed>(listener: TcpListener, endpoint: Arc<Endpoint<O>>) -> io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(endpoint);
    axum::serve(net::TcpListener::from_std(listener)?, routes).await
}

async fn readyz<O: Observed>(State(endpoint): State<Arc<Endpoint<O>>>) -> (StatusCode, String) {
    match endpoint.program.ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(waiting) => (StatusCode::SERVICE_UNAVAILABLE, format!("{waiting}\n")),
    }
}

async fn metrics<O: Observed>(State(endpoint): State<Arc<Endpoint<O>>>) -> String {
    metrics::with_local_recorder(&endpoint.recorder, || {
        endpoint.program.report();
        counter!("trunkline_log_lines_dropped_total").absolute(log_lines_dropped());
    });
    endpoint.handle.render()
}
