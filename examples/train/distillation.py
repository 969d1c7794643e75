"""What a network learns from one that stays as it is: to put out the same, whatever is heard.

At each node of a transducer's lattice the divergence from the teacher's outputs to the student's (Panchapagesan et al.,
arXiv 2011.06110, equation 1; of all outputs, since 47 are few). Here nodes count as often as the teacher's alignments
pass them, for most of a lattice no recognition ever comes to. Where a teacher is sure its outputs say little: the rows
that its encoder gives are aimed at too.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from loss import passed
from network import Lattice, Parameters, lattice
from utterances import Batch

Tensor = torch.Tensor
ROWS = 10.0
"""What the distance of rows counts beside the divergence for a symbol: of a rounded network they are 0.02 and 0.19."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network in single precision whose parameters nobody changes."""

    parameters: Parameters

    def from_student(self, student: Lattice, batch: Batch) -> tuple[Tensor, Tensor]:
        """The divergence for each symbol and the distance of rows: means over utterances."""
        with torch.no_grad():
            taught = lattice(self.parameters, batch)
        apart = divergence(taught, student, batch) / batch.lengths
        return apart.mean(), distance(taught, student, batch).mean()


def divergence(teacher: Lattice, student: Lattice, batch: Batch) -> Tensor:
    """Kullback and Leibler's, of each utterance: the mean over the teacher's alignments of their nodes' sum."""
    at_nodes = F.kl_div(student.logs, teacher.logs, reduction="none", log_target=True).sum(-1)
    shares = passed(teacher.logs, batch.symbols, batch.frames, batch.lengths)
    return (shares * at_nodes).sum((1, 2))


def distance(teacher: Lattice, student: Lattice, batch: Batch) -> Tensor:
    """The squared error of the encoder's rows as a share of their squares, of each utterance."""
    heard = (torch.arange(teacher.rows.shape[1]) < batch.frames[:, None])[..., None]
    errors, squares = (student.rows - teacher.rows).square() * heard, teacher.rows.square() * heard
    return errors.sum((1, 2)) / squares.sum((1, 2))
