"""The name of one incarnation of this process, and all that others have to know of it."""

from __future__ import annotations

import os
import socket
from importlib.metadata import version
from uuid import uuid4

from . import evidence
from .entry import InstanceInfo
from .host import Host
from .settings import AssuredJobsSettings


def name_of(
    settings: AssuredJobsSettings, host: Host, *, has_hook: bool, former: InstanceInfo | None = None
) -> InstanceInfo:
    """A fresh name; or what there is to say anew of `former`, which goes on."""
    s = settings
    return InstanceInfo(
        id=former.id if former else f"{s.instance_id}.{os.getpid()}.{uuid4().hex[:8]}",
        host=socket.gethostname(),
        pid=os.getpid(),
        broker_id=former.broker_id if former else str(uuid4()),
        broker_namespace=host.namespace,
        queues=host.queues(),
        assured=host.assured(),
        encoder=host.encoder,
        heartbeat_interval=s.heartbeat_interval,
        heartbeat_ttl=s.heartbeat_ttl,
        presence_grace=s.presence_grace,
        stall_ttl=s.stall_ttl,
        version=version("dramatiq-assured-jobs"),
        shutdown_timeout=host.shutdown_timeout,
        termination_grace_period=s.termination_grace_period,
        recovery=s.recovery,
        has_hook=has_hook,
        cgroup=evidence.cgroup(),
    )
