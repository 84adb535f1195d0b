using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>Whether a model thinks before it answers: the option of <c>run</c> and <c>chat</c>.</summary>
internal static class ThinkingSyntax
{
    /// <summary>The switch.</summary>
    internal enum Wish
    {
        /// <summary>As the model's template has it.</summary>
        Auto,
        /// <summary>Think.</summary>
        On,
        /// <summary>Answer at once.</summary>
        Off,
    }

    public static Option<Wish> Create()
        => CommandSyntax.Choice("--thinking", "on|off|auto", "Whether the model thinks before it answers, where its template knows a switch; thoughts go to the terminal, not to the output.", Wish.Auto, Wish.On, Wish.Off, Wish.Auto);

    public static bool? Read(ParseResult parsed, Option<Wish> option) => parsed.GetValue(option) switch
    {
        Wish.On => true,
        Wish.Off => false,
        _ => null,
    };
}
