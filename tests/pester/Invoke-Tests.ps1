#requires -Version 7.6
<#
.SYNOPSIS
    Runs one test file and writes what became of every It as JSON: for tests/ModelOps.Tests/Pester, which reports each to `dotnet test`.
#>
param(
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(Mandatory)] [string] $Result
)
$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.5
$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
$configuration.Output.RenderMode = 'Plaintext'
$run = Invoke-Pester -Configuration $configuration
function Get-Message($Records) { @($Records | ForEach-Object { "$_`n$($_.ScriptStackTrace)" }) -join "`n" }
$failedBlocks = @($run.FailedBlocks + $run.FailedContainers | ForEach-Object { Get-Message $_.ErrorRecord } | Where-Object { $_ })
[ordered]@{
    problems = $failedBlocks
    tests    = @($run.Tests | ForEach-Object { [ordered]@{ path = $_.Path -join ' › '; name = $_.ExpandedPath; result = "$($_.Result)"; message = Get-Message $_.ErrorRecord } })
} | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath $Result
