"""OpenStack Swift with its S3 API in one process: proxy, account, container and object server on loopback ports.

`python serve.py FOLDER`: everything lies below FOLDER, whose file system must know extended attributes. Writes the
proxy's port to FOLDER/port when it serves, and ends when standard input does.
"""

import sys
from pathlib import Path

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.utils import set_swift_dir  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402

USER, KEY = "test:tester", "testing"
KINDS = ("account", "container", "object")
SWIFT_CONF = """
[swift-hash]
swift_hash_path_prefix = first
swift_hash_path_suffix = last
[storage-policy:0]
name = only
default = yes
"""
BACK_CONF = """
[DEFAULT]
devices = {folder}/devices
swift_dir = {folder}
mount_check = false
disable_fallocate = true
recon_cache_path = {folder}
log_level = ERROR
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY_CONF = f"""
[DEFAULT]
swift_dir = {{folder}}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors listing_formats bulk s3api tempauth slo dlo versioned_writes symlink proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = eu-west-2
max_bucket_listing = 20
[filter:tempauth]
use = egg:swift#tempauth
user_{USER.replace(":", "_")} = {KEY} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""


def main(folder: Path) -> None:
    sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in (*KINDS, "proxy")}
    (folder / "devices" / "one").mkdir(parents=True)
    (folder / "swift.conf").write_text(SWIFT_CONF)
    set_swift_dir(str(folder))
    for kind in KINDS:
        _ring(folder / f"{kind}.ring.gz", sockets[kind].getsockname()[1])
    for kind, listener in sockets.items():
        conf = folder / f"{kind}.conf"
        conf.write_text((PROXY_CONF if kind == "proxy" else BACK_CONF).format(folder=folder, kind=kind))
        app = loadapp(str(conf))
        eventlet.spawn(wsgi.server, listener, app, _Silent(), protocol=SwiftHttpProtocol, log_output=False)
    port = folder / "port.new"
    port.write_text(str(sockets["proxy"].getsockname()[1]))
    port.rename(folder / "port")
    eventlet.tpool.execute(sys.stdin.read)


def _ring(path: Path, port: int) -> None:
    """One partition set of one device without replicas."""
    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
    place = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "one", "weight": 1.0}
    builder.add_dev(place)
    builder.rebalance(seed="1")
    builder.get_ring().save(str(path))


class _Silent:
    """eventlet wants a log."""

    def __getattr__(self, _name):
        return lambda *_args, **_more: None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
