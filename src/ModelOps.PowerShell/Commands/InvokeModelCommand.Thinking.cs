using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <content>Whether the model thinks before it answers.</content>
public sealed partial class InvokeModelCommand
{
    /// <summary>On, Off, or Auto, which leaves it to the model's template; where the family marks thoughts, the result has them apart.</summary>
    [Parameter]
    [ValidateSet("Auto", "On", "Off")]
    public string Thinking { get; set; } = "Auto";
}
