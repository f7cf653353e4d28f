//! The command line of each member.

use std::path::PathBuf;

use super::{ClusterError, ClusterMember, LocalCluster, MemberKind, process::in_path};

impl LocalCluster {
    /// The program of a member and its arguments.
    pub(super) fn command_line(
        &self,
        member: &ClusterMember,
    ) -> Result<(PathBuf, Vec<String>), ClusterError> {
        let (program, args) = match member.kind {
            MemberKind::Redis => {
                let program = in_path("redis-server");
                (program.ok_or(ClusterError::Missing("redis-server"))?, self.redis_args(member))
            }
            MemberKind::Relay => (self.programs.path("trunkline-relay"), self.relay_args(member)),
            MemberKind::Node => (self.programs.path("trunkline-node"), self.node_args(member)),
            MemberKind::Window => {
                (self.programs.path("trunkline-admin-gui"), self.window_args(member))
            }
        };
        Ok((program, args))
    }

    /// Redis writes nothing to disk but its log.
    fn redis_args(&self, member: &ClusterMember) -> Vec<String> {
        let port = member.listen.port().to_string();
        let (folder, log) = (self.home.path().display(), member.log.display());
        let args = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
        let files = ["--dir".into(), folder.to_string(), "--logfile".into(), log.to_string()];
        args.into_iter().map(str::to_owned).chain(files).collect()
    }

    fn relay_args(&self, member: &ClusterMember) -> Vec<String> {
        let own = self.own_flags(member).into_iter().chain(self.cluster_flags(member));
        own.chain(self.settings.relay_args.clone()).collect()
    }

    fn node_args(&self, member: &ClusterMember) -> Vec<String> {
        let own = self.own_flags(member).into_iter().chain(self.relay_flag(member));
        own.chain(self.cluster_flags(member)).chain(self.settings.node_args.clone()).collect()
    }

    fn window_args(&self, member: &ClusterMember) -> Vec<String> {
        let admin = ["--name".into(), "admin".into()];
        self.relay_flag(member).into_iter().chain(self.cluster_flags(member)).chain(admin).collect()
    }

    fn own_flags(&self, member: &ClusterMember) -> [String; 6] {
        let (listen, ops) = (member.listen.to_string(), member.ops.to_string());
        ["--name".into(), member.name.clone(), "--listen".into(), listen, "--ops".into(), ops]
    }

    fn relay_flag(&self, member: &ClusterMember) -> [String; 2] {
        let relay = member.relay_address.unwrap_or_else(|| self.relay().listen);
        ["--relay".into(), relay.to_string()]
    }

    fn cluster_flags(&self, member: &ClusterMember) -> [String; 4] {
        let certs = self.certs().display().to_string();
        ["--redis".into(), self.redis_url(member.kind), "--certs".into(), certs]
    }
}
