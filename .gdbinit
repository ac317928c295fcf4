# Mbufs, virtqueues and streams in a line or two:  gdb -x .gdbinit -p PID
#   p *m          an mbuf, and the segments behind it
#   p *vq         a ring of the driver (struct virtqueue) or of the device (struct vhost_virtqueue)
#   p *fs         a stream: where packets come from, where they go, and what became of them
#   streams       every stream of every lcore that forwards, with its two rings
#   p/r *vq       all fields, as they are
set print symbol on
python
import gdb
import gdb.printing


def function_name(pointer):
    # Python hands out cffi's wrapper of a function, which just jumps there.
    block = gdb.block_for_pc(int(pointer))
    return block.function.name.removeprefix("_cffi_d_") if block and block.function else hex(int(pointer))


class Mbuf:
    def __init__(self, mbuf):
        self.mbuf = mbuf

    def to_string(self):
        m = self.mbuf
        packet = f"port={int(m['port'])} pkt_len={int(m['pkt_len'])} nb_segs={int(m['nb_segs'])} "
        flags = f" ol_flags={int(m['ol_flags']):#x}" if int(m["ol_flags"]) else ""
        shared = f" refcnt={int(m['refcnt'])}" if int(m["refcnt"]) != 1 else ""
        return f"mbuf {packet}segments {' '.join(self.segments())}{flags}{shared}"

    def segments(self, most=16):
        m = self.mbuf
        while most:
            yield f"{int(m['buf_addr']) + int(m['data_off']):#x}+{int(m['data_len'])}"
            if not int(m["next"]):
                return
            m, most = m["next"].dereference(), most - 1
        yield "..."


class Ring:
    # What each side calls its two cursors, and the other side's index.
    NAMES = {
        "virtqueue": ("avail_idx", "used_cons", "used", "kicks", "kicks_suppressed"),
        "vhost_virtqueue": ("used_idx", "last_avail", "avail", "calls", "calls_suppressed"),
    }

    def __init__(self, vq):
        self.vq = vq

    def to_string(self):
        vq = self.vq
        kind = vq.type.strip_typedefs().tag
        published, consumed, theirs, notified, spared = self.NAMES[kind]
        fault = f" fault={vq['fault'].cast(gdb.lookup_type('enum vring_fault'))}" if int(vq["fault"]) else ""
        return (
            f"{kind} port={int(vq['port_id'])} size={int(vq['size'])} hdr_size={int(vq['hdr_size'])} "
            f"{published}={int(vq[published])} {consumed}={int(vq[consumed])} {self.other_side(theirs)}{fault} "
            f"packets={int(vq['stats']['packets'])} errors={int(vq['stats']['errors'])} "
            f"nombuf={int(vq['stats']['nombuf'])} {notified}={int(vq[notified])}+{int(vq[spared])} spared"
        )

    # A split ring has an index of the other side's; in a packed one the descriptors tell.
    def other_side(self, theirs):
        if int(self.vq["packed"]):
            return "packed"
        try:
            return f"{theirs}->idx={int(self.vq[theirs]['idx'])}"
        except gdb.MemoryError:
            return f"{theirs}=unmapped"


class Stream:
    def __init__(self, fs):
        self.fs = fs

    def to_string(self):
        fs = self.fs
        return (
            f"stream {self.end('rx')} -> {self.end('tx')} burst={int(fs['burst'])} rx_packets={int(fs['rx_packets'])} "
            f"tx_packets={int(fs['tx_packets'])} fwd_dropped={int(fs['fwd_dropped'])}"
        )

    def end(self, way):
        fs = self.fs
        return f"P={int(fs[f'{way}_port'])}/Q={int(fs[f'{way}_queue_id'])} {function_name(fs[f'{way}_burst'])}"


class Streams(gdb.Command):
    """Every stream of every lcore that forwards, with its rings."""

    RINGS = {"virtio_": "virtqueue", "vhost_": "vhost_virtqueue"}

    def __init__(self):
        super().__init__("streams", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        selected = gdb.selected_thread()
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            frame = gdb.newest_frame()
            while frame and frame.name() != "fwd_run":
                frame = frame.older()
            if frame:
                self.show(frame.read_var("lc"))
        selected.switch()

    def show(self, lc):
        for i in range(int(lc["nb_streams"])):
            fs = lc["streams"][i].dereference()
            gdb.write(f"lcore {int(lc['lcore_id'])}: {Stream(fs).to_string()}\n")
            for way in ("rx", "tx"):
                burst = function_name(fs[f"{way}_burst"])
                kind = next((kind for prefix, kind in self.RINGS.items() if burst.startswith(prefix)), None)
                if kind:
                    ring = fs[f"{way}_queue"].cast(gdb.lookup_type(f"struct {kind}").pointer()).dereference()
                    gdb.write(f"  {Ring(ring).to_string()}\n")


Streams()
printers = gdb.printing.RegexpCollectionPrettyPrinter("pytestpmd")
printers.add_printer("mbuf", "^mbuf$", Mbuf)
printers.add_printer("ring", "^(vhost_)?virtqueue$", Ring)
printers.add_printer("stream", "^fwd_stream$", Stream)
gdb.printing.register_pretty_printer(gdb.current_objfile(), printers, replace=True)
end
