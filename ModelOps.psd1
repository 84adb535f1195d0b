@{
    # Nested, not root: Get-Help looks for a nested module's help beside it, in bin/en-US, where the build puts it.
    NestedModules        = @('bin/ModelOps.PowerShell.dll')
    ModuleVersion        = '0.1.0'
    GUID                 = '6a3f1f0c-5b0e-4c5e-9d0f-2f6f0c1b7a54'
    Author               = 'The ModelOps contributors'
    CompanyName          = 'ModelOps'
    Copyright            = '(c) The ModelOps contributors.'
    Description          = 'Local language models from the hub to the workstation: find, fit, install, convert and quantise, run and measure - as objects in pipelines.'
    PowerShellVersion    = '7.6'
    CompatiblePSEditions = @('Core')
    CmdletsToExport      = @(
        'Clear-ModelStore'
        'Close-ModelSession'
        'Convert-Model'
        'Enter-ModelChat'
        'Export-Model'
        'Export-ModelBundle'
        'Find-Model'
        'Get-Model'
        'Get-ModelEmbedding'
        'Get-ModelHardware'
        'Get-ModelInfo'
        'Get-ModelMirror'
        'Get-ModelReference'
        'Get-ModelRuntime'
        'Get-ModelServer'
        'Get-ModelSession'
        'Get-ModelVariant'
        'Import-Model'
        'Install-Model'
        'Install-ModelRuntime'
        'Invoke-Model'
        'Measure-Model'
        'Measure-ModelSensitivity'
        'Save-Model'
        'Select-ModelDocument'
        'Set-ModelRuntime'
        'Start-ModelMirror'
        'Start-ModelServer'
        'Stop-ModelMirror'
        'Stop-ModelServer'
        'Test-Model'
        'Test-ModelFit'
        'Uninstall-Model'
        'Uninstall-ModelRuntime'
    )
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    TypesToProcess       = @('module/ModelOps.Types.ps1xml')
    FormatsToProcess     = @('module/ModelOps.Format.ps1xml')
    PrivateData          = @{
        PSData = @{
            Tags = @('LLM', 'GGUF', 'llama.cpp', 'HuggingFace', 'AI', 'Quantization', 'Windows', 'Linux', 'MacOS', 'PSEdition_Core')
        }
    }
}
