"""The photographs: which train, which are held out, and how Debian's packages bring them:

    python photographs.py FOLDER

downloads the packages with apt-get and unpacks them there, which needs no root.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

LARGEST_SIDE = 2560


@dataclass(frozen=True)
class Photograph:
    """A picture of a package, with the author and the licence that the package names."""

    package: str
    path: str
    authors: str
    licence: str
    words: str = ""
    weight: float = 1.0

    @property
    def name(self) -> str:
        return Path(self.path).name

    def open(self, folder: str) -> Image.Image:
        return Image.open(f"{folder}/{self.package}/{self.path}").convert("RGB")


def wallpaper(year: str, name: str, authors: str, licence: str, words: str = "", weight: float = 1.0) -> Photograph:
    return Photograph(f"lomiri-wallpapers-{year}", f"usr/share/backgrounds/{name}.jpg", authors, licence, words, weight)


def skimage(name: str, authors: str, licence: str) -> Photograph:
    return Photograph("python3-skimage", f"usr/lib/python3/dist-packages/skimage/data/{name}", authors, licence)


def opencv(name: str) -> Photograph:
    return Photograph(
        "opencv-doc",
        f"usr/share/doc/opencv-doc/examples/data/{name}",
        "OpenCV contributors",
        "of the package: Apache-2.0 and BSD-3-Clause",
    )


# The last two columns: what captions say of the picture, and its weight among them, more where there is more detail.
TRAINING = [
    wallpaper("16.04", "Bridge_by_Sander_Klootwijk", "Sander Klootwijk", "CC-BY-SA-4.0", "bridge cables and sky", 0.7),
    wallpaper("16.04", "Dragonfly_by_Bolly", "Bolly", "CC-BY-SA-4.0", "dragonfly and leaves", 2),
    wallpaper("16.04", "Picture_0B_by_freespace", 'Trevor "Freespace"', "CC-BY-4.0", "fruit in a bowl", 1),
    wallpaper("16.04", "Picture_1A_by_freespace", 'Trevor "Freespace"', "CC-BY-4.0", "paint brushes", 1.5),
    wallpaper("16.04", "Wine_by_Jakkub_Mede", "Jakub Mede", "CC-BY-4.0", "wine in a room", 1.5),
    wallpaper("16.04", "aitzgorri_by_Aitzol_Berasategi", "Aitzol Berasategi", "CC-BY-4.0", "mountains and meadow", 1.5),
    wallpaper("16.04", "analogpattern_by_Peter_Nerlich", "Peter Nerlich", "CC-BY-SA-4.0", "pattern", 0.3),
    wallpaper("16.04", "free_by_Peter_Nerlich", "Peter Nerlich", "CC-BY-SA-4.0", "bird and lamps", 0.7),
    wallpaper("16.04", "greentock_by_Peter_Nerlich", "Peter Nerlich", "CC-BY-SA-4.0", "clock", 1),
    wallpaper("16.04", "life_by_Aitzol_Berasategi", "Aitzol Berasategi", "CC-BY-4.0", "stream in a forest", 2),
    wallpaper("16.04", "seeding_by_Clements_Engelhardt", "Clemens Engelhardt", "CC0-1.0", "dandelion seeds", 1.5),
    wallpaper("16.04", "sunset_by_Aitzol_Berasategi", "Aitzol Berasategi", "CC-BY-4.0", "sunset over hills", 1.2),
    wallpaper("20.04", "Kleiber_by_Lukas_Baubkus", "Lukas Baubkus", "CC-BY-SA-3.0", "bird on a tree", 1),
]

# Never trained on. Those of opencv-doc name no author of their own; they are measured on, and no part of the model.
HELD_OUT = [
    skimage("astronaut.png", "NASA", "public domain"),
    skimage("chelsea.png", "Stefan van der Walt", "CC0"),
    skimage("coffee.png", "Rachel Michetti", "CC0"),
    skimage("rocket.jpg", "SpaceX", "public domain"),
    wallpaper("16.04", "friends_by_Aitzol_Berasategi", "Aitzol Berasategi", "CC-BY-4.0"),
    wallpaper("16.04", "picosdeeuropa_by_Aitzol_Berasategi", "Aitzol Berasategi", "CC-BY-4.0"),
    opencv("fruits.jpg"),
    opencv("squirrel_cls.jpg"),
]


def download(folder: str, photographs: list[Photograph]) -> None:
    """Unpacks every package that is not yet in the folder, each into a folder of its name."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for package in dict.fromkeys(p.package for p in photographs):
        target, partial = Path(folder, package), Path(folder, f"{package}.partial")
        if target.exists():
            continue
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        (archive,) = Path(folder).glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, partial], check=True)
        partial.rename(target)
        archive.unlink()


def training_image(photograph: Photograph, folder: str) -> Image.Image:
    image = photograph.open(folder)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return image


if __name__ == "__main__":
    download(sys.argv[1], TRAINING + HELD_OUT)
