"""A command whose options are given once, but for those that say that they may be repeated."""

from collections import Counter

import click


class OnceCommand(click.Command):
    """Refuses an option that is given twice and takes one value: which was meant, nobody knows."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; raises `UsageError`."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for each, times in Counter(given).items():
            if times > 1 and isinstance(each, click.Option) and _takes_one(each):
                raise click.UsageError(f"{each.opts[-1]} is given twice, and takes one value", ctx)
        return super().parse_args(ctx, args)


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)
