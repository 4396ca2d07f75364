"""What every scenario is: two sides, a load, and a bound for the ratio of what they cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    name: str
    load: tuple  # arguments of the generator
    ours: str  # names of servers or setups
    reference: str
    reference_load: tuple = None  # where it is another one
    at_most: float = None
    at_least: float = None

    @property
    def sides(self):
        """Ours and the reference: (server, load) each."""
        return (self.ours, self.load), (self.reference, self.reference_load or self.load)

    @property
    def bound(self):
        if self.at_most is not None:
            return f"ours / reference ≤ {self.at_most:.2f}"
        return f"reference / ours ≥ {self.at_least:.2f}"

    def ratio(self, ours, reference):
        return ours / reference if self.at_most is not None else reference / ours
