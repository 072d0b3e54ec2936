"""pix2pixHD: high-resolution synthesis with conditional GANs (Wang et al., CVPR 2018)."""

from asap_lightning.models.pix2pixhd.clusters import kmeans
from asap_lightning.models.pix2pixhd.encoder import InstanceEncoder, instance_average
from asap_lightning.models.pix2pixhd.fitting import fit_clusters
from asap_lightning.models.pix2pixhd.generator import Pix2pixHDGenerator

__all__ = ["InstanceEncoder", "Pix2pixHDGenerator", "fit_clusters", "instance_average", "kmeans"]
