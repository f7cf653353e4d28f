/// Why a node answers with an `error` frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Not JSON, an unknown `type`, or a missing or wrong field.
    BadRequest,
    /// The first frame was not a login.
    LoginRequired,
    /// The token is missing, forged, expired, or another user's.
    Unauthorized,
    /// A second login on one session.
    AlreadyLoggedIn,
    /// More sends per second than the session may make.
    RateLimited,
    /// The login could not be registered in time.
    DirectoryUnavailable,
}

impl ErrorCode {
    /// The word for it in the frame.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::LoginRequired => "login_required",
            Self::Unauthorized => "unauthorized",
            Self::AlreadyLoggedIn => "already_logged_in",
            Self::RateLimited => "rate_limited",
            Self::DirectoryUnavailable => "directory_unavailable",
        }
    }
}
