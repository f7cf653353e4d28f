//! The holder of a certificate: a [`Role`] and a name, as DNS names in its SAN.

use std::{fmt, str::FromStr};

use thiserror::Error;
use trunkline_protocol::Name;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

/// The zone of every name in a certificate. The CA may not sign names of any other zone.
pub(crate) const ZONE: &str = "trunkline";

/// The server name in every relay's certificate. Clients of a relay check it.
pub const RELAY_SERVER_NAME: &str = "relay.trunkline";

/// What the holder of a certificate does in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Serves clients; may open a link to a relay.
    Node,
    /// Forwards between nodes; the only role that may be a server.
    Relay,
    /// An operator who may read the status stream and send commands.
    Admin,
    /// An operator who may only read the status stream.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Node, Self::Relay, Self::Admin, Self::Viewer];

    /// The role as in file names, flags and certificates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Relay => "relay",
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| BadRole(text.to_owned()))
    }
}

/// Why a string is not a [`Role`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a role: use node, relay, admin or viewer")]
pub struct BadRole(String);

/// The holder of a certificate. Displayed as `node/node-1`, like the path of its files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its role.
    pub role: Role,
    /// Its name, unique within the role.
    pub name: Name,
}

impl Identity {
    /// The DNS names of its certificate: `<name>.<role>.trunkline` and `<role>.trunkline`.
    pub(crate) fn dns_names(&self) -> [String; 2] {
        let Self { role, name } = self;
        [format!("{name}.{role}.{ZONE}"), format!("{role}.{ZONE}")]
    }

    /// Reads the holder, and does not check the issuer. The SAN must contain exactly the two names
    /// that [`issue`](crate::issue) writes, so that no certificate names two holders.
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Result<Self, BadIdentity> {
        let names = dns_names_of(certificate)?;
        let identity = names.first().and_then(|full| Self::from_full_name(full));
        let identity = identity.ok_or(BadIdentity::Nameless)?;
        if names == identity.dns_names() { Ok(identity) } else { Err(BadIdentity::Contradictory) }
    }

    fn from_full_name(full: &str) -> Option<Self> {
        let (name, rest) = full.split_once('.')?;
        let (role, zone) = rest.split_once('.')?;
        let identity = Self { role: role.parse().ok()?, name: name.parse().ok()? };
        (zone == ZONE).then_some(identity)
    }
}

fn dns_names_of<'a>(certificate: &'a X509Certificate<'_>) -> Result<Vec<&'a str>, BadIdentity> {
    let san = certificate.subject_alternative_name().map_err(|_| BadIdentity::Malformed)?;
    let san = san.ok_or(BadIdentity::Nameless)?;
    let names = san.value.general_names.iter().map(|name| match name {
        GeneralName::DNSName(name) => Ok(*name),
        _ => Err(BadIdentity::Contradictory),
    });
    names.collect()
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.name)
    }
}

/// Why a certificate does not name exactly one holder.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadIdentity {
    /// The certificate cannot be parsed.
    #[error("the certificate cannot be parsed")]
    Malformed,
    /// Its SAN does not begin with `<name>.<role>.trunkline`.
    #[error("the certificate names no role and name of a Trunkline cluster")]
    Nameless,
    /// Its SAN contains more than one role or name, or anything else.
    #[error("the certificate names more than one role and name")]
    Contradictory,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_round_trips_through_text() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!(
            "Node".parse::<Role>().unwrap_err().to_string(),
            r#""Node" is not a role: use node, relay, admin or viewer"#
        );
    }

    #[test]
    fn full_name_identifies_the_holder() {
        let identity = Identity::from_full_name("node-1.node.trunkline").unwrap();
        assert_eq!(identity.to_string(), "node/node-1");
        assert_eq!(identity.dns_names(), ["node-1.node.trunkline", "node.trunkline"]);
        for other in ["node.trunkline", "a.b.node.trunkline", "a.boss.trunkline", "a.node.trunk"] {
            assert_eq!(Identity::from_full_name(other), None, "{other}");
        }
    }

    #[test]
    fn only_relays_have_the_server_name() {
        for role in Role::ALL {
            let identity = Identity { role, name: "relay".parse().unwrap() };
            let holds = identity.dns_names().iter().any(|name| name == RELAY_SERVER_NAME);
            assert_eq!(holds, role == Role::Relay);
        }
    }
}
