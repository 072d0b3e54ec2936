"""MLflow: one run a training however often it is resumed, by default in local files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.data.panels import Picture
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write

ID_FILE = "mlflow_run_id.txt"
FAILED, KILLED, FINISHED = "FAILED", "KILLED", "FINISHED"


def make_mlflow_logger(
    folder: str | Path,
    experiment: str = "asap-lightning",
    *,
    run_name: str | None = None,
    tracking_uri: str | None = None,
    store: str | Path = "mlflow",
    tags: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> MlflowRunLogger:
    """A logger of an MLflow experiment.

    Args:
        folder: the training's folder, which keeps the run's id.
        experiment: gathers runs.
        run_name: None takes the last two parts of the folder.
        tracking_uri: a server's or data base's address; None writes files into ``store``.
        store: folder of the files.
        tags: words and their values to find the run by.
        config: the resolved configuration; logged as parameters.

    Raises:
        UserError: MLflow is not installed.
    """
    if find_spec("mlflow") is None:
        raise UserError("logger.mlflow: MLflow is not installed: pip install 'asap-lightning[mlflow]'")
    if tracking_uri is None:
        # MLflow 3 asks for this consent, because it adds no features to plain files any more.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        tracking_uri = Path(store).expanduser().absolute().as_uri()
    folder = Path(folder)
    return MlflowRunLogger(
        folder,
        config=dict(config or {}),
        experiment_name=experiment,
        run_name=run_name or "/".join(folder.resolve().parts[-2:]),
        tracking_uri=tracking_uri,
        tags=dict(tags or {}),
    )


class MlflowRunLogger(MLFlowLogger):
    """Lightning's logger that continues its run after a resume, takes pictures, and ends with a status."""

    def __init__(self, folder: Path, config: dict[str, Any], **settings: Any) -> None:
        self._id_file = folder / ID_FILE
        self._config = config
        known = self._id_file.read_text(encoding="utf-8").strip() if self._id_file.is_file() else None
        super().__init__(run_id=known or None, **settings)

    @property
    def experiment(self) -> Any:
        """The client; at the first use the run is made, its id kept, and the configuration logged."""
        first = not self._initialized
        client = super().experiment
        if first and self._initialized and getattr(rank_zero_only, "rank", 0) == 0:
            if not self._id_file.is_file():
                with atomic_write(self._id_file, "w") as file:
                    file.write(f"{self._run_id}\n")
                self.log_hyperparams(self._config)
            else:
                client.set_terminated(self._run_id, "RUNNING")
        return client

    @rank_zero_only
    def log_image(self, key: str, images: list[Picture], step: int = 0, caption: Sequence[str] = ()) -> None:
        """Logs pictures as ``key/0``, ``key/1``, ... of a step."""
        for index, image in enumerate(images):
            self.experiment.log_image(self.run_id, image, key=f"{key}/{index}", step=step)

    @rank_zero_only
    def finish(self, exit_code: int = 0) -> None:
        """Ends the run with MLflow's status: finished, killed (by a signal) or failed."""
        if self._initialized:
            status = FINISHED if exit_code == 0 else KILLED if exit_code > 128 else FAILED
            self.experiment.set_terminated(self.run_id, status)
