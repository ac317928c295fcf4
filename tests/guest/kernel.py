"""The guests' kernel: Debian's, and the modules that Debian's build of it leaves out; made once, into a cache folder.

``python kernel.py`` makes it. Nothing is installed: packages are downloaded, unpacked, and the modules built from
Debian's own sources for just this kernel, into its ``updates`` folder, which modprobe prefers:

- vfio with its no-IOMMU mode (``VFIO_NOIOMMU`` is off in Debian's),
- vdpa, vringh, vdpa_sim, vdpa_sim_net, vhost_vdpa, virtio_vdpa, vp_vdpa, vduse (``VDPA`` is off),
- igb_uio, of the package dpdk-kmods-dkms.
"""

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("PYTESTPMD_GUEST_CACHE", "~/.cache/pytestpmd-guest")).expanduser()
META_PACKAGE = "linux-image-amd64"
RELEASE = re.compile(r"linux-image-(\d\S*-amd64)$", re.MULTILINE)
BUILT = frozenset(
    ("igb_uio", "vfio", "vdpa", "vdpa_sim", "vdpa_sim_net", "vduse", "vhost_vdpa", "virtio_vdpa", "vp_vdpa", "vringh")
)
XZ_MAGIC = b"\xfd7zXZ\0"

KBUILD = {
    "": "obj-m += vfio/ vdpa/ igb/\n",
    "vfio": """\
ccflags-y += -DCONFIG_VFIO_NOIOMMU=1
obj-m += vfio.o
vfio-y := vfio_main.o iova_bitmap.o container.o
""",
    "vdpa": """\
obj-m += vdpa.o vringh.o vdpa_sim.o vdpa_sim_net.o vhost_vdpa.o virtio_vdpa.o vp_vdpa.o vduse.o
vhost_vdpa-y := vhost_vdpa_main.o
vduse-y := vduse_dev.o iova_domain.o
""",
}
#: Folder of the build, pattern below the kernel's ``drivers``, and its name there if another.
SOURCES = (
    ("vfio", "vfio/*.[ch]", ""),
    ("vdpa", "vdpa/vdpa.c", ""),
    ("vdpa", "vdpa/vdpa_sim/vdpa_sim*.[ch]", ""),
    ("vdpa", "vdpa/vdpa_user/*.[ch]", ""),
    ("vdpa", "vdpa/virtio_pci/vp_vdpa.c", ""),
    ("vdpa", "vhost/vringh.c", ""),
    ("vdpa", "vhost/vhost.h", ""),
    ("vdpa", "vhost/vdpa.c", "vhost_vdpa_main.c"),
    ("vdpa", "virtio/virtio_vdpa.c", ""),
)


class NoKernelError(Exception):
    """There is no kernel for guests, and it could not be made; says why."""


@dataclass(frozen=True)
class Kernel:
    """One of the cache's kernels."""

    release: str
    cache: Path = CACHE

    @property
    def image(self) -> Path:
        """Not compressed, so that no time goes on that at each boot."""
        return self.cache / f"vmlinux-{self.release}"

    @property
    def modules(self) -> Path:
        return self.cache / "lib/modules" / self.release

    @property
    def is_whole(self) -> bool:
        built = {path.stem for path in self.modules.glob("updates/*.ko")}
        return self.image.exists() and (self.modules / "modules.dep").exists() and built >= BUILT

    @property
    def version(self) -> str:
        """As Debian's packages of its sources are named: 6.1."""
        return ".".join(self.release.split(".")[:2])


def prepare(cache: Path = CACHE) -> Kernel:
    """The newest kernel in the cache; without one, that of this Debian is put there."""
    kept = [Kernel(path.name.removeprefix("vmlinux-"), cache) for path in cache.glob("vmlinux-*")]
    whole = [kernel for kernel in kept if kernel.is_whole]
    if whole:
        return max(whole, key=lambda kernel: _numbers(kernel.release))
    kernel = Kernel(_newest_release(), cache)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kernel-") as folder:
        _unpack_image(kernel, Path(folder))
        _build_modules(kernel, Path(folder))
    return kernel


def _numbers(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release)]


def _run(*command: str | Path, folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoKernelError(f"no {command[0]} on PATH") from error
    if done.returncode:
        raise NoKernelError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def _newest_release() -> str:
    found = RELEASE.search(_run("apt-cache", "depends", META_PACKAGE, folder=Path("/")))
    if not found:
        raise NoKernelError(f"apt knows of no {META_PACKAGE}")
    return found[1]


def _download(folder: Path, *packages: str) -> None:
    """Unpack packages below ``folder``."""
    _run("apt-get", "download", "-qq", *packages, folder=folder)
    for package in folder.glob("*.deb"):
        _run("dpkg", "-x", package, folder, folder=folder)
        package.unlink()


def _unpack_image(kernel: Kernel, folder: Path) -> None:
    _download(folder, f"linux-image-{kernel.release}")
    shutil.copytree(folder / "lib/modules" / kernel.release, kernel.modules, symlinks=True, dirs_exist_ok=True)
    packed = (folder / f"boot/vmlinuz-{kernel.release}").read_bytes()
    image = lzma.LZMADecompressor().decompress(packed[packed.index(XZ_MAGIC) :])
    part = kernel.image.with_name(f"part-{kernel.release}")
    part.write_bytes(image)
    part.rename(kernel.image)


def _build_modules(kernel: Kernel, folder: Path) -> None:
    release, source = kernel.release, f"linux-source-{kernel.version}"
    _download(
        folder,
        *(f"linux-headers-{release}", f"linux-headers-{release.removesuffix('-amd64')}-common"),
        *(f"linux-kbuild-{kernel.version}", source, "dpdk-kmods-dkms"),
    )
    headers = folder / f"usr/src/linux-headers-{release}"
    makefile = headers / "Makefile"
    makefile.write_text(makefile.read_text().replace("/usr/src/", f"{folder}/usr/src/"))
    below = [f"{source}/drivers/{name}" for name in ("vfio", "vdpa", "vhost", "virtio")]
    _run("tar", "xJf", folder / f"usr/src/{source}.tar.xz", *below, folder=folder)
    modules = _collect(folder, folder / source / "drivers")
    _run("make", "-s", "-j2", "-C", headers, f"M={modules}", "CC=gcc", "modules", folder=folder)
    updates = kernel.modules / "updates"
    updates.mkdir(exist_ok=True)
    for module in modules.rglob("*.ko"):
        _run("objcopy", "-g", module, updates / module.name, folder=folder)
    _run("depmod", "-b", kernel.cache, release, folder=folder)


def _collect(folder: Path, drivers: Path) -> Path:
    """A folder of just the modules that are to be built."""
    modules = folder / "modules"
    for name, text in KBUILD.items():
        (modules / name).mkdir(parents=True, exist_ok=True)
        (modules / name / "Kbuild").write_text(text)
    for name, pattern, new_name in SOURCES:
        for file in drivers.glob(pattern):
            shutil.copy(file, modules / name / (new_name or file.name))
    (igb,) = folder.glob("usr/src/dpdk-kmods-*")
    shutil.copytree(igb, modules / "igb")
    return modules


if __name__ == "__main__":
    made = prepare()
    print(f"{made.image} with {made.modules}")
