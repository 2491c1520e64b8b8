//! Debian's nginx as its users run it in front of an API: one worker, connections kept alive on both sides, an access
//! log; `/proxy/` passes on, `/cache/` answers from a cache in memory.
//!
//! Invariant: everything that it writes lies in the scratch folder.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failed;
use crate::process::Process;

/// Where Debian puts it, and where a search path may lead.
const PROGRAMS: [&str; 2] = ["/usr/sbin/nginx", "nginx"];

/// Starts nginx in front of `upstream`, and tells where it listens.
pub fn start(scratch: &Path, upstream: SocketAddr) -> Result<(Process, SocketAddr), Failed> {
    let address = free_address()?;
    let found = PROGRAMS
        .into_iter()
        .find(|program| Command::new(program).arg("-v").stderr(Stdio::null()).status().is_ok());
    let program = found.ok_or("nginx is not installed; on Debian: apt-get install nginx-light")?;
    let conf = scratch.join("nginx.conf");
    fs::write(&conf, configuration(scratch, address, upstream)?)?;
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(scratch)
        .arg("-c")
        .arg(&conf)
        .arg("-e")
        .arg(scratch.join("nginx-error.log"));
    let mut process = Process::start(command.stdout(Stdio::null()))?;
    process.wait_for_listener(address)?;
    Ok((process, address))
}

/// For what takes no port 0. Between this and its start another process may take the port; then it says so.
pub fn free_address() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn configuration(scratch: &Path, address: SocketAddr, upstream: SocketAddr) -> Result<String, Failed> {
    // Root's nginx gives its worker another user, who could not reach the scratch folder.
    let user = if fs::metadata("/proc/self")?.uid() == 0 {
        "user root;"
    } else {
        ""
    };
    let dir = scratch.display();
    Ok(format!(
        r#"
{user}
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log {dir}/nginx-access.log combined;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    proxy_cache_path {dir}/cache keys_zone=answers:1m use_temp_path=off;
    keepalive_requests 1000000000;
    upstream forge {{
        server {upstream};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /proxy/ {{
            proxy_pass http://forge/;
        }}
        location /cache/ {{
            proxy_pass http://forge/;
            proxy_cache answers;
            proxy_cache_valid 200 10m;
            proxy_ignore_headers Cache-Control Vary;
            add_header X-Cache $upstream_cache_status;
        }}
    }}
}}
"#
    ))
}
