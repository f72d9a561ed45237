//! SSV DKG operators: the program of `fixtures/interop/dkg-operator` around the operators' own libraries.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use nexus_dkg::{DkgOperator, InstanceId};
use nexus_primitives::OperatorId;
use tokio::{
    net::TcpStream,
    process::Command,
    time::{sleep, timeout},
};

use crate::{
    child_process::{ChildProcess, free_port},
    full_operator::FullOperator,
    stage::Stage,
};

/// The component that has the program, which has the component's name.
pub(crate) const COMPONENT: &str = "dkg-operator";

/// How long an operator may take to listen.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a ceremony may take until everybody's deals are handed round.
const DEAL_LIMIT: Duration = Duration::from_mins(1);
/// What an operator's log says when it has everybody's deals, which it thinks about for two phases.
const HAS_DEALS: &str = "took messages of type 1";
/// Folder in which operators leave their results.
const RESULTS: &str = "results";

/// Operators, each a process of its own on loopback.
pub(crate) struct DkgFleet {
    program: PathBuf,
    phase: Duration,
    folder: PathBuf,
    stations: Vec<Station>,
}

/// One operator with what starts it.
struct Station {
    operator: DkgOperator,
    port: u16,
    version: &'static str,
    key_file: PathBuf,
    log: PathBuf,
    process: Option<ChildProcess>,
}

impl DkgFleet {
    /// Starts operators of these versions, in turn, whose key generation has phases of this length.
    pub(crate) async fn start(
        stage: &Stage,
        name: &str,
        operators: &[FullOperator],
        versions: &[&'static str],
        phase: Duration,
    ) -> anyhow::Result<Self> {
        let program = stage.component(COMPONENT)?.join("bin").join(COMPONENT);
        let folder = stage.work.join(name);
        fs::create_dir_all(folder.join(RESULTS))?;
        let stations = operators.iter().zip(versions.iter().cycle()).map(|(full, version)| {
            let (id, port) = (full.operator.id, free_port()?);
            let key_file = folder.join(format!("{id}.pem"));
            fs::write(&key_file, &full.pem)?;
            let operator = DkgOperator::new(full.operator.clone(), &format!("https://127.0.0.1:{port}"))?;
            let log = stage.log(&format!("{COMPONENT}-{name}-{id}"));
            Ok(Station { operator, port, version, key_file, log, process: None })
        });
        let stations = stations.collect::<anyhow::Result<_>>()?;
        let mut fleet = Self { program, phase, folder, stations };
        for operator in fleet.operators() {
            fleet.run(operator.id()).await?;
        }
        Ok(fleet)
    }

    /// Returns all operators, ascending by id.
    pub(crate) fn operators(&self) -> Vec<DkgOperator> {
        self.stations.iter().map(|station| station.operator.clone()).collect()
    }

    /// Returns the version that an operator says it has.
    pub(crate) fn version(&self, id: OperatorId) -> anyhow::Result<&'static str> {
        Ok(self.station(id)?.version)
    }

    /// Returns the file with an operator's RSA key.
    pub(crate) fn key_file(&self, id: OperatorId) -> anyhow::Result<&Path> {
        Ok(&self.station(id)?.key_file)
    }

    /// Starts an operator, for the first time or again, and waits until it listens.
    pub(crate) async fn run(&mut self, id: OperatorId) -> anyhow::Result<()> {
        let station = self.station(id)?;
        let (number, port) = (id.get().to_string(), station.port);
        let phase = format!("{}ms", self.phase.as_millis());
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "-id", &number, "-port", &port.to_string(), "-version", station.version])
            .args(["-phase", &phase, "-key"])
            .arg(&station.key_file)
            .arg("-results")
            .arg(self.folder.join(RESULTS));
        let mut process = ChildProcess::start(&mut command, &station.log)?;
        let listens = || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        process.wait_until(START_LIMIT, listens).await?;
        self.station_mut(id)?.process = Some(process);
        Ok(())
    }

    /// Kills an operator as soon as it has everybody's deals in one more ceremony than `earlier`.
    pub(crate) async fn kill_with_deals(&mut self, id: OperatorId, earlier: usize) -> anyhow::Result<()> {
        let dealing = async {
            while self.ceremonies(id)? <= earlier {
                sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        timeout(DEAL_LIMIT, dealing).await.with_context(|| format!("operator {id} got no deals"))??;
        let process = self.station_mut(id)?.process.take();
        drop(process.with_context(|| format!("operator {id} doesn't run"))?);
        Ok(())
    }

    /// Counts the ceremonies in which an operator got everybody's deals since it was started.
    pub(crate) fn ceremonies(&self, id: OperatorId) -> anyhow::Result<usize> {
        Ok(fs::read_to_string(&self.station(id)?.log)?.matches(HAS_DEALS).count())
    }

    /// Returns operators' results of a ceremony, as they sent them.
    pub(crate) fn results(
        &self,
        instance: InstanceId,
        operators: &[DkgOperator],
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let results = operators.iter().map(|operator| {
            let name = format!("{}-{}.ssz", hex::encode(instance.as_bytes()), operator.id());
            let path = self.folder.join(RESULTS).join(name);
            fs::read(&path).with_context(|| format!("reading {}", path.display()))
        });
        results.collect()
    }

    fn station(&self, id: OperatorId) -> anyhow::Result<&Station> {
        let found = self.stations.iter().find(|station| station.operator.id() == id);
        found.with_context(|| format!("the fleet has no operator {id}"))
    }

    fn station_mut(&mut self, id: OperatorId) -> anyhow::Result<&mut Station> {
        let found = self.stations.iter_mut().find(|station| station.operator.id() == id);
        found.with_context(|| format!("the fleet has no operator {id}"))
    }
}
