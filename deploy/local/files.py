"""The configuration files of one cluster and its empty data folders."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from string import Template

import psycopg2

from deploy.local.layout import ROOT, Layout
from deploy.local.ports import HOST
from deploy.local.programs import Program, postgres_bin

_POSTGRES_CONF = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
log_min_messages = warning
timezone = 'UTC'
"""

_NGINX_CONF = """
worker_processes 2;
pid {home}/nginx.pid;
error_log stderr warn;
daemon off;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/mailmatic.conf;
}}
"""

_SUPERVISOR_CONF = """
[supervisord]
nodaemon = true
{user}
pidfile = {runtime}/supervisord.pid
logfile = {logs}/supervisord.log
childlogdir = {logs}
loglevel = info

[unix_http_server]
file = {runtime}/supervisor.sock
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM_CONF = """
[program:{name}]
command = {command}
process_name = %(process_num)d
numprocs = {count}
directory = {directory}
environment = {environment}
{user}
autostart = false
autorestart = true
startsecs = 1
startretries = 3
stopsignal = {stop_signal}
stopwaitsecs = 40
killasgroup = true
redirect_stderr = true
stdout_logfile = {logs}/{name}.log
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 2
"""


class InitFailed(Exception):
    """A server's data folder could not be made; the text says why."""


def write_all(layout: Layout, programs: list[Program], counts: dict[str, int]) -> None:
    """Every configuration file, new each time: they hold no state."""
    for folder in (layout.directory, layout.logs, layout.runtime, layout.directory / "redis"):
        folder.mkdir(parents=True, exist_ok=True)
    layout.runtime.chmod(0o700)
    write_supervisor(layout, programs, counts)
    write_nginx(layout)
    _write_rabbitmq(layout)
    if "DATABASE_URL" not in layout.given:
        _init_postgres(layout)


def write_supervisor(layout: Layout, programs: list[Program], counts: dict[str, int]) -> None:
    """supervisord's configuration, with `counts` processes of a program (default 1)."""
    user = "user = root" if os.getuid() == 0 else ""
    head = _SUPERVISOR_CONF.format(user=user, runtime=layout.runtime, logs=layout.logs)
    sections = [_program_section(layout, program, counts.get(program.name, 1)) for program in programs]
    (layout.runtime / "supervisord.conf").write_text(head + "".join(sections))


def _program_section(layout: Layout, program: Program, count: int) -> str:
    environment = {"MAILMATIC_PROCESS": program.name, **program.environment}
    return _PROGRAM_CONF.format(
        name=program.name,
        command=" ".join(_quoted(word) for word in program.command),
        count=count,
        directory=program.directory,
        environment=",".join(f"{key}={_quoted(value)}" for key, value in environment.items()),
        user=f"user = {program.user}" if program.user else "",
        stop_signal=program.stop_signal.name.removeprefix("SIG"),
        logs=layout.logs,
    )


def _quoted(text: str) -> str:
    """As supervisord reads it back: shell words, with `%` doubled for its own expansion."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def write_nginx(layout: Layout) -> None:
    """The edge's configuration, for the ports of `layout`."""
    home, ports = layout.directory / "nginx", layout.ports
    home.mkdir(exist_ok=True)
    template = Template((ROOT / "deploy/nginx/mailmatic.conf.template").read_text())
    filled = template.safe_substitute(
        MAILMATIC_LISTEN=f"{HOST}:{ports.edge}",
        MAILMATIC_GATEWAY=f"{HOST}:{ports.gateway}",
        MAILMATIC_STREAMS=f"{HOST}:{ports.streams}",
        MAILMATIC_TRACKER=f"{HOST}:{ports.tracker}",
        MAILMATIC_WEBHOOKS=f"{HOST}:{ports.webhooks}",
    )
    (home / "mailmatic.conf").write_text(filled)
    (home / "nginx.conf").write_text(_NGINX_CONF.format(home=home))
    if os.getuid() == 0:  # nginx's workers give up root and still need their temporary folders
        home.chmod(0o755)


def _write_rabbitmq(layout: Layout) -> None:
    home = layout.directory / "rabbitmq"
    home.mkdir(exist_ok=True)
    (home / "enabled_plugins").write_text("[].")
    (home / "rabbitmq-env.conf").touch()
    # a developer's disk is often nearly full; our messages are small nudges
    (home / "rabbitmq.conf").write_text(
        "disk_free_limit.absolute = 100MB\nlog.console = true\nlog.console.level = warning\n"
    )


def _init_postgres(layout: Layout) -> None:
    data, user = layout.postgres_data, layout.unprivileged
    if not (data / "PG_VERSION").exists():
        data.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(data, ignore_errors=True)  # what an interrupted initdb left
        data.mkdir(mode=0o700)
        password = data.parent / "initdb-password"
        password.touch(mode=0o600)
        password.write_text(layout.secret("postgres"))
        if user:
            for path in (data, password):
                shutil.chown(path, user=user, group=user)
        initdb = [
            str(postgres_bin() / "initdb"),
            "-D",
            str(data),
            "-U",
            "mailmatic",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        command = [*initdb, "-A", "scram-sha-256", "--pwfile", str(password), "--no-sync"]
        done = _run(command, user)
        password.unlink()
        if done.returncode != 0:
            raise InitFailed(f"initdb failed: {done.stderr.strip().splitlines()[-1]}")
    config = data / "mailmatic.conf"
    config.write_text(_POSTGRES_CONF.format(host=HOST, port=layout.ports.postgres))
    if user:
        shutil.chown(config, user=user, group=user)
    main = data / "postgresql.conf"
    if "mailmatic.conf" not in main.read_text():
        main.write_text(main.read_text() + "\ninclude 'mailmatic.conf'\n")


def _run(command: list[str], user: str | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def create_database(layout: Layout) -> None:
    """The database `mailmatic`, if PostgreSQL is ours and it is not there yet."""
    if "DATABASE_URL" in layout.given:
        return
    connection = psycopg2.connect(layout.maintenance_url)
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'mailmatic'")
        if cursor.fetchone() is None:
            cursor.execute("CREATE DATABASE mailmatic")
