"""``class FocalLoss(Twin, of=focal_loss)``: the nn.Module of a loss function, in one line."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from companion._options import check_options

PER_CALL = {"sample_weight"}  # keyword-only, yet data and not an option


class Twin(nn.Module):
    """A loss function with its options stored: tensors as buffers, Parameters as parameters."""

    function: ClassVar[Callable[..., Tensor]]
    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls, of: Callable[..., Tensor] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if of is None:  # a subclass of a twin
            return
        whole = inspect.signature(of)
        options = [p for p in whole.parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in PER_CALL]
        names = [p.name for p in options]

        def forward(self: Twin, *args: Any, **kwargs: Any) -> Tensor:
            return of(*args, **{name: getattr(self, name) for name in names}, **kwargs)

        self_ = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        data = [self_, *(p for p in whole.parameters.values() if p.name not in names)]
        forward.__signature__ = whole.replace(parameters=data)  # type: ignore[attr-defined]
        forward.__annotations__ = {}  # else Sphinx looks for Twin
        forward.__doc__ = f"``{of.__name__}`` with the stored options."
        forward.__qualname__, forward.__module__ = f"{cls.__qualname__}.forward", cls.__module__
        cls.function, cls.forward, cls.__doc__ = staticmethod(of), forward, of.__doc__
        cls.__signature__ = whole.replace(parameters=options, return_annotation=inspect.Signature.empty)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__()
        name = type(self).__name__
        known = ", ".join(self.__signature__.parameters)
        if args:
            raise TypeError(f"{name} takes its options by keyword ({known}), got {len(args)} positional.")
        try:
            bound = self.__signature__.bind(**options)
        except TypeError as error:
            raise TypeError(f"{name}: {error}. Its options: {known}.") from None
        bound.apply_defaults()
        check_options(self.function.__name__, **bound.arguments)
        self._given = tuple(options)
        for option, value in bound.arguments.items():
            if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
                self.register_buffer(option, value)
            else:
                setattr(self, option, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._given)})"
